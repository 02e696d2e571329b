/** A permission for objects of one namespace to refer to objects of another; `*` is every namespace. */
export interface NamespacePair {
  readonly from: string;
  readonly to: string;
}

/** Which namespaces may refer to which others. Their own they may always. */
export type NamespaceRules =
  | { readonly kind: 'any' }
  | { readonly kind: 'pairs'; readonly pairs: readonly NamespacePair[] };

/** Whether an object in `from` may refer to one in `to`. */
export function mayRefer(rules: NamespaceRules, from: string, to: string): boolean {
  if (from === to || rules.kind === 'any') return true;
  return rules.pairs.some((pair) => covers(pair.from, from) && covers(pair.to, to));
}

function covers(pattern: string, namespace: string): boolean {
  return pattern === '*' || pattern === namespace;
}
