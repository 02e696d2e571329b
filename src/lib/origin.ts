/**
 * Patterns of web origins (RFC 6454): `https://shop.example.com`, `https://*.example.com:8443` for sub-domains of any depth,
 * `null` for documents without one, `*` for every origin.
 */

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' };
const PATTERN =
  /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/;
/** What may stand in the place of the `*`: whole labels. */
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Null, or what is wrong with a pattern and what to write instead. */
export function originPatternProblem(pattern: string): string | null {
  if (pattern === '*' || pattern === 'null') return null;
  const parts = PATTERN.exec(pattern);
  if (parts === null) {
    return `"${pattern}" is no origin: write a scheme, a host in lower case and perhaps a port, as https://shop.example.com; https://*.example.com takes its sub-domains`;
  }
  if (parts[2] !== undefined && !parts[3]!.includes('.')) {
    return `"${pattern}" takes a whole top-level domain: name a domain below it, as https://*.example.com`;
  }
  return null;
}

/**
 * Compiles patterns into one test of an Origin header's value. Browsers send origins in one form, so values are
 * compared as they are: what differs in case, has a path or holds several origins fails.
 * @throws Error for what {@link originPatternProblem} refuses.
 */
export function compileOrigins(patterns: readonly string[]): (origin: string) => boolean {
  if (patterns.includes('*')) return () => true;
  const exact = new Set<string>();
  const wildcards: { readonly scheme: string; readonly tail: string }[] = [];
  for (const pattern of patterns) {
    const problem = originPatternProblem(pattern);
    if (problem !== null) throw new Error(problem);
    const parts = PATTERN.exec(pattern);
    if (parts === null) {
      exact.add(pattern);
      continue;
    }
    const [, scheme, wildcard, host, port] = parts;
    // Origins are written without the port that their scheme implies.
    const suffix = port === undefined || DEFAULT_PORTS[scheme!] === port ? '' : `:${port}`;
    if (wildcard === undefined) exact.add(`${scheme}://${host}${suffix}`);
    else wildcards.push({ scheme: `${scheme}://`, tail: `.${host}${suffix}` });
  }
  if (wildcards.length === 0) return (origin) => exact.has(origin);
  return (origin) =>
    exact.has(origin) ||
    wildcards.some(
      ({ scheme, tail }) =>
        origin.startsWith(scheme) &&
        origin.endsWith(tail) &&
        LABELS.test(origin.slice(scheme.length, -tail.length)),
    );
}
