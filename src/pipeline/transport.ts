import type { Exchange } from './exchange.ts';

/** The client came by HTTPS: to a proxy whose word we take, else to us. */
export function cameByHttps({ request, client }: Exchange): boolean {
  const said = client.trusted ? request.header('x-forwarded-proto') : null;
  return (said === 'http' || said === 'https' ? said : request.scheme) === 'https';
}

/** The Host that the client asked, in lower case and without its scheme's own port; empty when it named none. */
export function authorityOf(x: Exchange, https: boolean): string {
  const authority = (x.request.header('host') ?? '').toLowerCase();
  const ownPort = https ? ':443' : ':80';
  return authority.endsWith(ownPort) ? authority.slice(0, -ownPort.length) : authority;
}
