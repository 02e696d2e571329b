import { hash } from 'node:crypto';
import type { Exchange } from '../../pipeline/exchange.ts';
import { identitySlot, isAnonymous } from '../../pipeline/identity.ts';
import { joinKey } from '../../state/cache/store.ts';
import type { CacheConfig } from './config.ts';

/**
 * What a backend may make an answer of that a trusted proxy may say; from everybody else the gateway takes it away. The
 * proxy may only pass on what a client wrote.
 */
const SAID_BY_PROXIES = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-original-url',
  'x-rewrite-url',
] as const;
const PERSONAL_PARAMETERS = /(?:for|by)=(?:"(?:[^"\\]|\\.)*"|[^;,]*)/gi;

/** Whose answers they are and of which URL. Two routes never have the same, two tenants' objects never one route. */
export function urlOf(x: Exchange, query: string): string {
  const { scheme, host, path } = x.request;
  return joinKey(x.routeKey, scheme, host, path, query);
}

/** What else tells the answers of a URL apart; null: they can't be told apart, so none may be kept. */
export type WithinKey = (x: Exchange) => string | null;

/**
 * @param config of the policy: answers that were kept under another one are not found
 */
export function compileWithin(config: CacheConfig): WithinKey {
  const fingerprint = hash('sha256', JSON.stringify(config), 'base64url').slice(0, 16);
  const headers = config.key.headers.map((name) => name.toLowerCase()).sort();
  const perUser = config.key.users === 'separate';
  const perAuthorization = config.authorization === 'key';
  const perCookie = config.cookies === 'key';
  return function within(x) {
    const user = perUser ? userOf(x) : '';
    if (user === null) return null;
    const { request } = x;
    const authority = request.header('host');
    // Backends see Host as it was written: with a port, a dot at its end, in capitals.
    let key = joinKey(fingerprint, x.ruleName, user, authority === request.host ? '' : (authority ?? ''));
    for (const name of headers) key += part(request.header(name));
    if (perAuthorization) key += secret(request.header('authorization'));
    if (perCookie) key += secret(request.header('cookie'));
    return x.client.trusted ? key + proxiesOf(x) : key;
  };
}

/** A header that is absent is not one that is empty. */
function part(value: string | null): string {
  return value === null ? '-' : joinKey(value);
}

function secret(value: string | null): string {
  return value === null ? '-' : joinKey(hash('sha256', value, 'base64url'));
}

/** Empty: nobody was authenticated. Null: somebody was, but nothing tells him from others. */
function userOf(x: Exchange): string | null {
  const identity = x.get(identitySlot);
  if (identity === undefined || isAnonymous(identity)) return '';
  const { user, consumer, apiKey, claims } = identity;
  if (user === null && consumer === null && apiKey === null) return null;
  // Two issuers may have a user of the same name.
  const issuer = claims?.iss;
  return joinKey(user ?? '', consumer ?? '', apiKey ?? '', typeof issuer === 'string' ? issuer : '');
}

function proxiesOf(x: Exchange): string {
  const { request } = x;
  let key = '';
  for (const name of SAID_BY_PROXIES) key += part(request.header(name));
  const forwarded = request.header('forwarded');
  return key + part(forwarded === null ? null : forwarded.replaceAll(PERSONAL_PARAMETERS, ''));
}

/** What the request has in these header fields, white space aside. */
export function selectionOf(x: Exchange, names: readonly string[]): string {
  let key = '';
  for (const name of names) {
    const value = x.request.header(name);
    key += part(value === null ? null : value.replaceAll(/[ \t]*,[ \t]*/g, ','));
  }
  return key;
}
