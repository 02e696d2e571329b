/** A weight (RFC 9110 section 12.4.2). */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
const CODING = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Which content coding a client shall get. */
export interface Choice<C extends string> {
  /** null: the content as it is. */
  readonly coding: C | null;
  /** The client wants no content as it is: `identity;q=0`, or `*;q=0` without a word about identity. */
  readonly identityRefused: boolean;
}

/**
 * Chooses by Accept-Encoding (RFC 9110 section 12.5.3): the coding with the highest weight, the first offered of several. Content
 * as it is wins where the client gives that, by name, a higher weight. An entry that is malformed counts as not there.
 * @param header lines joined by a comma; null: there is none, and the content is best left as it is
 */
export function chooseCoding<C extends string>(header: string | null, offered: readonly C[]): Choice<C> {
  const weights = weightsOf(header ?? '');
  const other = weights.get('*');
  let coding: C | null = null;
  let best = 0;
  for (const one of offered) {
    const weight = weights.get(one) ?? other ?? 0;
    if (weight > best) {
      best = weight;
      coding = one;
    }
  }
  const identity = weights.get('identity');
  if (identity !== undefined && identity > best) coding = null;
  return { coding, identityRefused: (identity ?? other) === 0 };
}

function weightsOf(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const entry of header.split(',')) {
    const [name, ...parameters] = entry.split(';').map((part) => part.trim());
    const coding = name!.toLowerCase();
    if (!CODING.test(coding)) continue;
    const weight = weightIn(parameters);
    if (weight !== null) weights.set(coding === 'x-gzip' ? 'gzip' : coding, weight);
  }
  return weights;
}

function weightIn(parameters: readonly string[]): number | null {
  if (parameters.length === 0) return 1;
  const [only] = parameters;
  const value = /^q=(.*)$/i.exec(only!)?.[1];
  return parameters.length === 1 && value !== undefined && WEIGHT.test(value) ? Number(value) : null;
}
