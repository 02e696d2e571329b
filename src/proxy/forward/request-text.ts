import type { CompiledForward } from '../../compile/table.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';
import { type CopyRules, copyLines, dropsOf, HOP_BY_HOP } from './header-drops.ts';
import { IDENTITY_KINDS, trustedIdentityText } from './identity.ts';

const DROPS = [...HOP_BY_HOP, ...IDENTITY_KINDS, HeaderKind.expect];
const KEEP_HOST: CopyRules = { drops: dropsOf(DROPS), dropUnderscores: true };
const NEW_HOST: CopyRules = { drops: dropsOf([...DROPS, HeaderKind.host]), dropUnderscores: true };
/** The same for a body whose length is not the client's. */
const KEEP_HOST_NEW_LENGTH: CopyRules = {
  drops: dropsOf([...DROPS, HeaderKind.contentLength]),
  dropUnderscores: true,
};
const NEW_HOST_NEW_LENGTH: CopyRules = {
  drops: dropsOf([...DROPS, HeaderKind.host, HeaderKind.contentLength]),
  dropUnderscores: true,
};

/** The head of a request as it is sent to a backend (RFC 9110 section 7.6). */
export function requestText(
  x: RequestExchange,
  action: CompiledForward<UpstreamCluster>,
  cluster: UpstreamCluster,
  path: string,
): string {
  const { request, connection } = x;
  const { head } = request;
  const target = request.query === '' && !x.hasEmptyQuery ? path : `${path}?${request.query}`;
  const newHost =
    action.ir.rewrite.host ?? cluster.ir.host ?? (head.authority === '' ? cluster.ir.service : null);
  const edits = request.edited ? request : null;
  const { body } = x.forward;
  const newLength = body.length !== 'asSent';
  let text = `${head.method} ${target} HTTP/1.1\r\n`;
  if (newHost !== null) text += `Host: ${newHost}\r\n`;
  text += copyLines(head.fields, copyRules(newHost === null, newLength), head.connectionTokens, edits);
  text += identityText(x);
  if (body.isChunked) text += 'Transfer-Encoding: chunked\r\n';
  else if (newLength) text += `Content-Length: ${body.length}\r\n`;
  if (head.expectContinue && !body.done && !x.bodies.continued) text += 'Expect: 100-continue\r\n';
  if (x.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${x.upgrade}\r\n`;
  else if (x.acceptsTrailers) text += 'Connection: TE\r\nTE: trailers\r\n';
  text += connection.context.viaLines[head.minorVersion];
  if (connection.context.settings.timestampHeader)
    text += `X-Gateway-Timestamp: ${Math.floor(Date.now() / 1000)}\r\n`;
  if (edits !== null) text += edits.ownText();
  return `${text}\r\n`;
}

function identityText(x: RequestExchange): string {
  const { connection, request } = x;
  const { authority, fields } = request.head;
  const id = `X-Request-ID: ${x.requestId}\r\n`;
  return connection.trusted
    ? id + trustedIdentityText(fields, connection.peerAddress, request.scheme, authority)
    : id + connection.identityText(authority);
}

function copyRules(keepHost: boolean, newLength: boolean): CopyRules {
  if (newLength) return keepHost ? KEEP_HOST_NEW_LENGTH : NEW_HOST_NEW_LENGTH;
  return keepHost ? KEEP_HOST : NEW_HOST;
}
