const USUAL = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * What is wrong with a method as an operator wrote it; null: nothing. Methods are compared by case (RFC 9110 section 9.1):
 * `patch` in a list never takes PATCH.
 */
export function methodProblem(method: string): string | null {
  const capitals = method.toUpperCase();
  return method !== capitals && USUAL.has(capitals) ? `methods are told by case: write ${capitals}` : null;
}
