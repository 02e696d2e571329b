import type { Exchange } from '../../pipeline/exchange.ts';
import { authorityOf, cameByHttps } from '../../pipeline/transport.ts';
import type { SignedMessage } from './components.ts';

/** Takes a request apart as its client sent it, not as it was normalised for matching. */
export function messageOf(x: Exchange): SignedMessage {
  const { request } = x;
  const { target } = request;
  const https = cameByHttps(x);
  const path = pathOf(target);
  return {
    method: request.method,
    scheme: https ? 'https' : 'http',
    authority: authorityOf(x, https),
    target,
    path,
    query: request.query,
    headerLines: (name) => request.headerLines(name),
  };
}

/** Of an origin-form or absolute-form target; an empty path is `/` (RFC 9421 section 2.2.6). */
function pathOf(target: string): string {
  const queryAt = target.indexOf('?');
  const whole = queryAt < 0 ? target : target.slice(0, queryAt);
  if (whole.startsWith('/')) return whole;
  const authorityAt = whole.indexOf('://');
  const pathAt = authorityAt < 0 ? -1 : whole.indexOf('/', authorityAt + 3);
  return pathAt < 0 ? '/' : whole.slice(pathAt);
}
