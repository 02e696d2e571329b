import { isIP } from 'node:net';
import { normalizePath } from '../../lib/path.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { clientAddressOf, requestIdOf } from '../forward/identity.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import type { RequestExchange } from './exchange.ts';

const isAddress = (text: string): boolean => isIP(text) !== 0;
const QUESTION_MARK = 0x3f;

/**
 * Settles what the request is: who sent it, under which id, for which path. Returns the answer to a request that is
 * refused before routing, else null.
 */
export function resolveRequest(x: RequestExchange): Reply | null {
  const { request, connection } = x;
  const { context } = connection;
  const { head } = request;
  const clientAddress = connection.trusted
    ? clientAddressOf(head.fields, connection.peerAddress, context.isTrusted, isAddress)
    : connection.peerAddress;
  x.identify(requestIdOf(head.fields, connection.trusted, context.wheel.epochMs), clientAddress);
  const path = head.targetForm === 'asterisk' ? '*' : normalizePath(head.path);
  const { transport } = connection;
  request.begin(connection.listener, clientAddress, path ?? '/');
  request.scheme = transport.scheme;
  if (transport.tls !== null && !transport.covers(request.host)) {
    return problem(
      421,
      'The certificate of this connection is not for this host: ask it on a connection of its own.',
    );
  }
  if (context.settings.refusedMethods.includes(head.method)) {
    return problem(405, 'This method is not allowed.', [
      ['allow', 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS'],
    ]);
  }
  if (path === null)
    return problem(400, 'The path is ambiguous: it holds encoded separators or climbs above its root.');
  if (head.targetForm === 'authority') return problem(405, 'CONNECT is not served.');
  const { maxBodyBytes } = context.settings.limits;
  if (maxBodyBytes !== 0 && head.contentLength > maxBodyBytes) {
    return problem(413, 'The request body is larger than the limit.');
  }
  x.hasEmptyQuery = head.query === '' && endsWithQuestionMark(x);
  x.upgrade = head.upgrade;
  x.acceptsTrailers = acceptsTrailers(x);
  return null;
}

function endsWithQuestionMark(x: RequestExchange): boolean {
  const { target } = x.request.head;
  return target.charCodeAt(target.length - 1) === QUESTION_MARK;
}

function acceptsTrailers(x: RequestExchange): boolean {
  const { fields } = x.request.head;
  const at = fields.findKind(HeaderKind.te);
  return at >= 0 && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(fields.value(at));
}
