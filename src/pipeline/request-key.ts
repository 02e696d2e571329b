import { addressBlock } from '../lib/cidr.ts';
import type { KeyPart } from '../lib/limit-schema.ts';
import type { Exchange } from './exchange.ts';
import { identitySlot } from './identity.ts';

/** What the requests of one client, user, tenant … have in common; null when a part of it is missing. */
export type RequestKey = (x: Exchange) => string | null;

/** Resolves once what a request then only reads. Different values of the parts never give the same key. */
export function compileKey(parts: readonly KeyPart[]): RequestKey {
  const readers = parts.map(compilePart);
  const [only] = readers;
  if (readers.length === 1) return only!;
  return function joinedKey(x) {
    let key = '';
    for (const read of readers) {
      const value = read(x);
      if (value === null) return null;
      key += `${value.length}:${value}`;
    }
    return key;
  };
}

function compilePart(part: KeyPart): RequestKey {
  const { clientAddress, header, query, cookie, claim, constant } = part;
  if (part.apiKey !== undefined) return (x) => x.get(identitySlot)?.apiKey ?? null;
  if (part.user !== undefined) return (x) => x.get(identitySlot)?.user ?? null;
  if (part.consumer !== undefined) return (x) => x.get(identitySlot)?.consumerKey ?? null;
  if (clientAddress !== undefined) {
    return compileAddress(clientAddress.prefix4, clientAddress.prefix6);
  }
  if (header !== undefined) {
    const name = header.toLowerCase();
    return (x) => x.request.header(name);
  }
  if (query !== undefined) return (x) => x.request.queryParam(query);
  if (cookie !== undefined) return (x) => x.request.cookie(cookie);
  if (claim !== undefined) return (x) => claimText(x.get(identitySlot)?.claims?.[claim]);
  if (part.route !== undefined) return (x) => x.routeKey;
  return () => constant!;
}

/** The next request of a thread is often of the same client. */
function compileAddress(prefix4: number, prefix6: number): RequestKey {
  let lastAddress = '';
  let lastBlock: string | null = null;
  return (x) => {
    const { address } = x.client;
    if (address !== lastAddress) {
      lastBlock = addressBlock(address, prefix4, prefix6);
      lastAddress = address;
    }
    return lastBlock;
  };
}

/** A string as it is, anything else as JSON: `1` and `"1"` may be two tenants. */
function claimText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : `\u0000${JSON.stringify(value)}`;
}
