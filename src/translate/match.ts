import type { NamedTest, PathMatch, RouteMatch, ValueTest } from '../ir/route.ts';
import { compilePattern, compileSubstitution } from '../lib/pattern.ts';
import type { RouteRuleMatch } from '../resources/gateway-route/schema.ts';
import { canonicalPath } from './path.ts';
import type { Report } from './report.ts';

type NamedTests = NonNullable<RouteRuleMatch['headers']>;

const EVERY_PATH: PathMatch = { kind: 'prefix', value: '/' };

/** Most lists are empty: one array for all of them is one object to send to a thread, and to keep there. */
const NONE: readonly never[] = [];

/** What a rule without matches takes. */
export const EVERY_REQUEST: RouteMatch = {
  path: EVERY_PATH,
  methods: NONE,
  headers: NONE,
  query: NONE,
  cookies: NONE,
  clientAddresses: NONE,
  claims: NONE,
};

/**
 * One alternative of a rule; null when its path can't be used. A test that can't be used is left out: the
 * match then takes more requests, which is right because its rule is closed by the fault.
 */
export function translateMatch(match: RouteRuleMatch, at: string, report: Report): RouteMatch | null {
  const path = match.path === undefined ? EVERY_PATH : translatePath(match.path, `${at}.path`, report);
  const tests = (list: NamedTests | undefined, field: string, lowerCase = false): readonly NamedTest[] =>
    list === undefined ? NONE : translateTests(list, `${at}.${field}`, lowerCase, report);
  const translated = {
    methods: match.methods ?? NONE,
    headers: tests(match.headers, 'headers', true),
    query: tests(match.query, 'query'),
    cookies: tests(match.cookies, 'cookies'),
    clientAddresses: match.clientAddresses ?? NONE,
    claims: tests(match.claims, 'claims'),
  };
  return path === null ? null : { path, ...translated };
}

function translatePath(
  path: NonNullable<RouteRuleMatch['path']>,
  at: string,
  report: Report,
): PathMatch | null {
  if (path.regex !== undefined) {
    return patternHolds(path.regex, `${at}.regex`, report) ? { kind: 'regex', pattern: path.regex } : null;
  }
  const [kind, text] =
    path.exact !== undefined
      ? (['exact', path.exact] as const)
      : path.template !== undefined
        ? (['template', path.template] as const)
        : (['prefix', path.prefix ?? '/'] as const);
  const result = canonicalPath(kind, text);
  if (result.ok) return result.path;
  report.fault(`${at}.${kind}`, { code: 'invalid', message: result.message });
  return null;
}

function translateTests(
  list: NamedTests,
  at: string,
  lowerCase: boolean,
  report: Report,
): readonly NamedTest[] {
  return list.flatMap((one, index) => {
    const test = translateTest(one, `${at}[${index}]`, report);
    return test === null ? [] : [{ name: lowerCase ? one.name.toLowerCase() : one.name, test }];
  });
}

function translateTest(test: NamedTests[number], at: string, report: Report): ValueTest | null {
  if (test.exact !== undefined) return { kind: 'exact', value: test.exact };
  if (test.prefix !== undefined) return { kind: 'prefix', value: test.prefix };
  if (test.present !== undefined) return { kind: 'present' };
  if (test.absent !== undefined) return { kind: 'absent' };
  const pattern = test.regex ?? '';
  return patternHolds(pattern, `${at}.regex`, report) ? { kind: 'regex', pattern } : null;
}

/** Reports a regular expression, or what is put in its place, that can't be used. */
export function patternHolds(pattern: string, at: string, report: Report, substitution?: string): boolean {
  try {
    const compiled = compilePattern(pattern);
    if (substitution !== undefined) compileSubstitution(compiled, substitution);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report.fault(at, { code: 'regexRefused', pattern, message });
    return false;
  }
}
