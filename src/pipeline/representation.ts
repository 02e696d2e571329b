import type { HeaderFields } from './exchange.ts';

/** Computed over the very bytes of a body (RFC 9530, RFC 1864), or about ranges of them. */
const ABOUT_BYTES = ['content-digest', 'repr-digest', 'digest', 'content-md5', 'accept-ranges'];

/**
 * The body of this message becomes another one that means the same: compressed, unwrapped, mapped. What speaks of its bytes goes,
 * and a strong ETag becomes weak (RFC 9110 section 8.8.1): it still serves `If-None-Match`, and no longer `If-Range`. Content-Length
 * is the gateway's own business.
 */
export function representationChanged(message: HeaderFields): void {
  for (const name of ABOUT_BYTES) if (message.header(name) !== null) message.removeHeader(name);
  const etag = message.header('etag');
  if (etag?.startsWith('"') === true) message.setHeader('etag', `W/${etag}`);
}

/**
 * A 304 names the representation that the client has: where that was changed here its tag is the weak one (RFC 9110 section
 * 15.4.5).
 */
export function notModified(request: HeaderFields, response: HeaderFields): void {
  const etag = response.header('etag');
  if (etag?.startsWith('"') !== true) return;
  if (request.header('if-none-match')?.includes(`W/${etag}`) === true)
    response.setHeader('etag', `W/${etag}`);
}
