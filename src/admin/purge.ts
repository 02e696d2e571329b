import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback, namesLoopback } from '../lib/loopback.ts';
import { normalizePath } from '../lib/path.ts';
import type { AdminView, PurgeSelection } from './view.ts';

interface PurgeQuery {
  readonly url?: string;
  readonly tag?: string | readonly string[];
  readonly route?: string;
  readonly all?: string;
}

const MAX_TAGS = 32;
const ROUTE_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * `DELETE /cache?url=…`, `?tag=…` (again for more), `?route=namespace/name` or `?all`: forgets kept answers. Only for
 * whoever is on this machine, whatever address the server has; a page in a browser there can't send it unasked.
 */
export function addPurge(app: FastifyInstance, view: AdminView): void {
  app.delete<{ Querystring: PurgeQuery }>('/cache', async (request, reply) => {
    if (!isLocal(request))
      throw refusal(403, 'Kept answers are purged from this machine only, as localhost.');
    if (view.purge === undefined) throw refusal(404, 'No traffic is served here, so nothing is kept.');
    const selections = selectionsOf(request.query);
    if (selections === null) {
      throw refusal(400, 'Write one of ?url=http://host/path, ?tag=name, ?route=namespace/name, ?all.');
    }
    const { memory, redis } = await view.purge(selections);
    if (redis.some(({ error }) => error !== null)) reply.code(503);
    return { memory, redis };
  });
}

/** An IPv4 peer of an IPv6 socket included. */
function isLocal({ socket, headers }: Pick<FastifyRequest, 'socket' | 'headers'>): boolean {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return isLoopback(peer) && namesLoopback(headers.host);
}

function selectionsOf({ url, tag, route, all }: PurgeQuery): readonly PurgeSelection[] | null {
  const given = [url, tag, route, all].filter((one) => one !== undefined);
  if (given.length !== 1) return null;
  if (all !== undefined) return [{ kind: 'all' }];
  if (typeof route === 'string') return ROUTE_NAME.test(route) ? [{ kind: 'route', name: route }] : null;
  if (typeof url === 'string') return urlSelection(url);
  const tags = typeof tag === 'string' ? [tag] : (tag ?? []);
  if (tags.length === 0 || tags.length > MAX_TAGS || tags.includes('')) return null;
  return tags.map((name) => ({ kind: 'tag', tag: name }));
}

/** The port does not matter; without a query, answers with any are meant. */
function urlSelection(text: string): readonly PurgeSelection[] | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, pathname, search } = new URL(text);
  const path = normalizePath(pathname);
  if (!/^https?:$/.test(protocol) || path === null) return null;
  return [{ kind: 'url', host: hostname, path, query: search.slice(1) }];
}

function refusal(statusCode: number, detail: string): Error {
  return Object.assign(new Error(detail), { statusCode, tells: true });
}
