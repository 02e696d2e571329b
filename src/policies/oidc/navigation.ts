import type { Exchange, RequestFields } from '../../pipeline/exchange.ts';

/** Longer addresses are not come back to: they would not fit into a cookie. */
const MAX_RETURN_CHARS = 1000;

/**
 * Somebody looks at a page, and can be led to a login. A script, an image or a WebSocket can't: it would get the login's page
 * for its data. Browsers say so in Sec-Fetch-Mode; older ones by what they accept.
 */
export function isNavigation({ request }: Exchange): boolean {
  // Fetched ahead, and perhaps never looked at.
  if (request.header('sec-purpose')?.startsWith('prefetch')) return false;
  const mode = request.header('sec-fetch-mode');
  if (mode !== null) return mode === 'navigate';
  if (request.header('x-requested-with') !== null || request.header('upgrade') !== null) return false;
  return /\btext\/html\b/i.test(request.header('accept') ?? '');
}

/**
 * Path and query to come back to after the login. A form that was sent is not sent again: that leads to the page on which it
 * stood, or to the start.
 */
export function returnPath({ request }: Exchange, origin: string): string {
  const { method, target } = request;
  const wanted = method === 'GET' || method === 'HEAD' ? target : refererPath(request, origin);
  return wanted.startsWith('/') && wanted.length <= MAX_RETURN_CHARS ? wanted : '/';
}

function refererPath(request: RequestFields, origin: string): string {
  const referer = request.header('referer') ?? '';
  return referer.startsWith(`${origin}/`) ? referer.slice(origin.length) : '/';
}

/** Another site made the browser ask. */
export function isCrossSite({ request }: Exchange): boolean {
  const site = request.header('sec-fetch-site');
  return site !== null && site !== 'same-origin' && site !== 'none';
}
