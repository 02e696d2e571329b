import type { PathRewrite, RedirectAction } from '../ir/route.ts';
import type { RouteRule } from '../resources/gateway-route/schema.ts';
import { patternHolds } from './match.ts';
import { canonicalPath } from './path.ts';
import type { Report } from './report.ts';

type PathChange = NonNullable<NonNullable<RouteRule['rewrite']>['path']>;

const AS_IS: PathRewrite = { kind: 'none' };

export function translatePathRewrite(
  change: PathChange | undefined,
  at: string,
  report: Report,
): PathRewrite {
  if (change === undefined) return AS_IS;
  if (change.regex !== undefined) {
    const { pattern, substitution } = change.regex;
    patternHolds(pattern, `${at}.regex`, report, substitution);
    return { kind: 'regex', ...change.regex };
  }
  const kind = change.full === undefined ? 'replacePrefix' : 'full';
  const result = canonicalPath(kind === 'full' ? 'exact' : 'prefix', change[kind] ?? '/');
  if (result.ok) return { kind, value: result.path.value };
  report.fault(`${at}.${kind}`, { code: 'invalid', message: result.message });
  return AS_IS;
}

export function translateRedirect(
  redirect: NonNullable<RouteRule['redirect']>,
  at: string,
  report: Report,
): RedirectAction {
  return {
    kind: 'redirect',
    status: redirect.status,
    scheme: redirect.scheme ?? null,
    host: redirect.host ?? null,
    port: redirect.port ?? null,
    path: translatePathRewrite(redirect.path, `${at}.path`, report),
  };
}
