import { hash } from 'node:crypto';
import type { Exchange } from '../../pipeline/exchange.ts';
import { type Identity, identitySlot, isAnonymous, toldSlot } from '../../pipeline/identity.ts';
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

/** Empty: nobody was authenticated, or said to be. Null: somebody was, but nothing tells him from others. */
function userOf(x: Exchange): string | null {
  const told = x.get(toldSlot) ?? '';
  const identity = x.get(identitySlot);
  const proved = identity === undefined || isAnonymous(identity) ? '' : provedKey(identity);
  if (proved === null || (proved === '' && told === '')) return proved;
  return joinKey(proved, told);
}

/** A token of less power than another one of its user gets no answers that were made for that. */
function provedKey({ user, consumerKey, apiKey, claims, ...powers }: Identity): string | null {
  if (user === null && consumerKey === null && apiKey === null) return null;
  // A token of a Consumer's people that does not say whose it is.
  if (user === null && claims !== null) return null;
  // Two issuers may have a user of the same name, and so may two ways to prove it.
  const issuer = claims?.iss;
  const { schemes, groups, roles, permissions } = powers;
  return joinKey(
    ...[user ?? '', consumerKey ?? '', apiKey ?? '', typeof issuer === 'string' ? issuer : ''],
    ...[schemes, groups, roles, permissions].map(textOf),
  );
}

function textOf(names: readonly string[]): string {
  return names.length === 0 ? '' : joinKey(...names);
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
