import { normalizePath } from '../../lib/path.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { joinKey } from '../../state/cache/store.ts';
import type { QueryFilter } from './query.ts';

/** What the answer to an unsafe request says that it has changed, on the same host (RFC 9111 section 4.4). */
export function voidedBy(x: Exchange, filterQuery: QueryFilter | null): readonly string[] {
  const urls: string[] = [];
  for (const name of ['location', 'content-location']) {
    const value = x.response.header(name);
    const url = value === null ? null : urlAt(x, value, filterQuery);
    if (url !== null) urls.push(url);
  }
  return urls;
}

/** As `urlOf` of a request for it; null: it is elsewhere, or no URL. */
function urlAt(x: Exchange, reference: string, filterQuery: QueryFilter | null): string | null {
  const { scheme, host, path, query } = x.request;
  const base = `${scheme}://${host}${path}${query === '' ? '' : `?${query}`}`;
  const url = URL.canParse(reference, base) ? new URL(reference, base) : null;
  if (url === null || url.hostname !== host) return null;
  const normal = normalizePath(url.pathname);
  if (normal === null) return null;
  const parameters = url.search.slice(1);
  return joinKey(
    x.routeKey,
    scheme,
    host,
    normal,
    filterQuery === null ? parameters : filterQuery(parameters),
  );
}
