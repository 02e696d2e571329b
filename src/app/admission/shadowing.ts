import { findShadowed } from '../../compile/shadow.ts';
import type { Finding } from '../../ir/finding.ts';
import type { RouteIr } from '../../ir/route.ts';

/** More matches than this under the route's hosts are not compared: it is for the status then. */
const MAX_MATCHES = 2_000;

/** Matches of a route that would never win a request, given the routes that there are. */
export function shadowedMatches(route: RouteIr, others: readonly RouteIr[]): readonly Finding[] {
  const near = others.filter((other) => other.key !== route.key && sharesHost(route, other));
  const matches = [route, ...near].flatMap(({ rules }) => rules.map((rule) => rule.matches.length));
  if (matches.reduce((sum, count) => sum + count, 0) > MAX_MATCHES) return [];
  return findShadowed([route, ...near])
    .filter(({ origin }) => sameObject(route, origin))
    .map(({ origin, by }) => ({ code: 'shadowed', origin, by }));
}

function sameObject(
  { origin }: RouteIr,
  { object }: { readonly object: RouteIr['origin']['object'] },
): boolean {
  return object.namespace === origin.object.namespace && object.name === origin.object.name;
}

/** Only matches under the same pattern of a host shadow one another. */
function sharesHost(a: RouteIr, b: RouteIr): boolean {
  if (a.hosts.length === 0 || b.hosts.length === 0) return a.hosts.length === b.hosts.length;
  return a.hosts.some((host) => b.hosts.includes(host));
}
