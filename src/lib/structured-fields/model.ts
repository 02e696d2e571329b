/**
 * Structured Field Values (RFC 9651). Each value keeps its canonical text, so that writing it
 * again (section 4.1), as signatures over it need, is joining strings.
 */

export type BareItem = { readonly text: string } & (
  | { readonly kind: 'integer' | 'decimal' | 'date'; readonly value: number }
  | { readonly kind: 'string' | 'token' | 'displayString'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'bytes'; readonly value: Buffer }
);

export type Parameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly kind: 'item';
  readonly bare: BareItem;
  readonly params: Parameters;
}

export interface InnerList {
  readonly kind: 'innerList';
  readonly items: readonly Item[];
  readonly params: Parameters;
}

export type Member = Item | InnerList;

export const TRUE: BareItem = { kind: 'boolean', value: true, text: '?1' };

/** Section 4.1.1 to 4.1.3. */
export function memberText(member: Member): string {
  if (member.kind === 'item') return member.bare.text + paramsText(member.params);
  let text = '(';
  for (let i = 0; i < member.items.length; i++) text += (i === 0 ? '' : ' ') + memberText(member.items[i]!);
  return `${text})${paramsText(member.params)}`;
}

function paramsText(params: Parameters): string {
  let text = '';
  for (const [key, bare] of params) text += bare === TRUE ? `;${key}` : `;${key}=${bare.text}`;
  return text;
}

export function dictionaryText(dictionary: ReadonlyMap<string, Member>): string {
  let text = '';
  for (const [key, member] of dictionary) {
    if (text !== '') text += ', ';
    const flag = member.kind === 'item' && member.bare === TRUE;
    text += flag ? key + paramsText(member.params) : `${key}=${memberText(member)}`;
  }
  return text;
}

export function listText(list: readonly Member[]): string {
  return list.map(memberText).join(', ');
}
