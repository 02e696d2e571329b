import { type Document, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** A value of values.yaml: where it is, what its comment says, and what it is by default. */
export interface DocumentedValue {
  /** Steps from the root: `['image', 'tag']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly fallback: unknown;
  /** It has values below it that have comments of their own. */
  readonly isGroup: boolean;
}

/** Every commented value of values.yaml, in its order. @throws Error when it does not parse */
export function documentedValues(text: string): readonly DocumentedValue[] {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw document.errors[0];
  if (!isMap(document.contents)) throw new Error('values.yaml is not a map');
  return valuesOf(document, document.contents, []);
}

function valuesOf(document: Document, map: YAMLMap, above: readonly string[]): readonly DocumentedValue[] {
  return map.items.flatMap((pair, index) => {
    const description = commentOf(pair, index === 0 ? map.commentBefore : undefined);
    if (description === null || !isScalar(pair.key)) return [];
    const path = [...above, String(pair.key.value)];
    const below = isMap(pair.value) ? valuesOf(document, pair.value, path) : [];
    const fallback = document.getIn(path, false);
    const plain =
      typeof fallback === 'object' && fallback !== null
        ? (fallback as YAMLMap).toJS(document)
        : (fallback ?? null);
    return [{ path, description, fallback: plain, isGroup: below.length > 0 }, ...below];
  });
}

/** The comment right above a key. The parser gives that of a map's first key to the map, and sets others apart by empty lines. */
function commentOf(pair: Pair, ofMap: string | null | undefined): string | null {
  const own = isScalar(pair.key) ? pair.key.commentBefore : null;
  const comment = own ?? ofMap ?? '';
  const last = comment.split('\n\n').at(-1)!;
  const text = last
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
  return text === '' ? null : text;
}
