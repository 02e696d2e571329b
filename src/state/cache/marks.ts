/** What kept answers are purged by. */

/** A URL without scheme and port, with one query or, where it is empty, with any. */
export function addressMark(host: string, path: string, query: string): string {
  return query === '' ? `address ${host}${path}` : `address ${host}${path}?${query}`;
}

/** @param routeKey `GatewayRoute/namespace/name` */
export const routeMark = (routeKey: string): string => `route ${routeKey}`;

export const tagMark = (tag: string): string => `tag ${tag}`;
