import type { CompiledRedirect } from '../../compile/table.ts';
import { normalizePath } from '../../lib/path.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import type { RequestExchange } from './exchange.ts';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** The answer that sends the client elsewhere (RFC 9110 section 15.4); the query goes along. */
export function redirectReply(x: RequestExchange, action: CompiledRedirect): Reply {
  const { request } = x;
  const { ir } = action;
  const path =
    action.rewritePath === null
      ? request.path
      : normalizePath(action.rewritePath(request.path, x.entry!.match));
  if (path === null) return problem(400, 'The redirect leads to a path that is ambiguous.');
  const query = request.query === '' ? '' : `?${request.query}`;
  const host = ir.host ?? request.host;
  if (ir.scheme === null && ir.host === null && ir.port === null) {
    // A path that begins with two slashes would be read as a host; normalised paths never do.
    return { status: ir.status, headers: [['location', `${path}${query}`]], body: '' };
  }
  if (host === '') return problem(400, 'The request names no host.');
  const scheme = ir.scheme ?? request.scheme;
  const kept = ir.scheme === null && ir.host === null ? request.head.port : -1;
  const port = ir.port ?? (kept > 0 ? kept : DEFAULT_PORTS[scheme]);
  const authority = port === DEFAULT_PORTS[scheme] ? host : `${host}:${port}`;
  return { status: ir.status, headers: [['location', `${scheme}://${authority}${path}${query}`]], body: '' };
}
