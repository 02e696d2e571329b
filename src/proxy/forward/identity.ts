import { isIPv6 } from 'node:net';
import type { Fields } from '../http1/fields.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import { newRequestId } from '../request-id.ts';

/** What a client may say about itself is read only from trusted peers; everybody else's copies are replaced. */
export const IDENTITY_KINDS: readonly HeaderKind[] = [
  HeaderKind.xForwardedFor,
  HeaderKind.xForwardedProto,
  HeaderKind.xForwardedHost,
  HeaderKind.xForwardedPort,
  HeaderKind.xForwardedPrefix,
  HeaderKind.xForwardedServer,
  HeaderKind.xRealIp,
  HeaderKind.forwarded,
  HeaderKind.xRequestId,
  HeaderKind.xOriginalUrl,
  HeaderKind.xRewriteUrl,
  HeaderKind.xGatewayTimestamp,
];

const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

/** Kept from a trusted peer when it is a sane token, else made of the time, in milliseconds since 1970. */
export function requestIdOf(fields: Fields, trusted: boolean, nowMs: number): string {
  if (trusted) {
    const at = fields.findKind(HeaderKind.xRequestId);
    if (at >= 0) {
      const given = fields.value(at);
      if (REQUEST_ID.test(given)) return given;
    }
  }
  return newRequestId(nowMs);
}

/** All lines of a kind joined as one list; empty when there is none. */
function joined(fields: Fields, kind: HeaderKind): string {
  let text = '';
  for (let i = 0; i < fields.count; i++) {
    if (fields.kind[i] === kind) text += text === '' ? fields.value(i) : `, ${fields.value(i)}`;
  }
  return text;
}

/**
 * The client's address: walking X-Forwarded-For from the right, the first that is not itself a trusted proxy.
 * An entry that is no address ends the walk: what stands left of it can't be believed.
 */
export function clientAddressOf(
  fields: Fields,
  peerAddress: string,
  isTrusted: (address: string) => boolean,
  isAddress: (text: string) => boolean,
): string {
  const list = joined(fields, HeaderKind.xForwardedFor);
  if (list === '') return peerAddress;
  let client = peerAddress;
  const hops = list.split(',');
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i]!.trim();
    if (!isAddress(hop)) return client;
    client = hop;
    if (!isTrusted(hop)) return client;
  }
  return client;
}

/** RFC 7239 section 6: an IPv6 address is quoted and in brackets. */
function forwardedNode(address: string): string {
  return isIPv6(address) ? `"[${address}]"` : address;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function forwardedValue(text: string): string {
  return TOKEN.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** The identity lines of a peer that is not trusted: what it says itself counts for nothing. */
export function untrustedIdentityText(peerAddress: string, scheme: string, authority: string): string {
  const host = authority === '' ? '' : `X-Forwarded-Host: ${authority}\r\n`;
  const element = forwardedElement(peerAddress, scheme, authority);
  return `X-Forwarded-For: ${peerAddress}\r\nX-Forwarded-Proto: ${scheme}\r\n${host}Forwarded: ${element}\r\n`;
}

/** The identity lines for a request of a trusted peer: its lists are continued, its statements kept. */
export function trustedIdentityText(
  fields: Fields,
  peerAddress: string,
  scheme: string,
  authority: string,
): string {
  const chain = joined(fields, HeaderKind.xForwardedFor);
  const proto = joined(fields, HeaderKind.xForwardedProto);
  const host = joined(fields, HeaderKind.xForwardedHost);
  const forwarded = joined(fields, HeaderKind.forwarded);
  const sentProto = proto === 'http' || proto === 'https' ? proto : scheme;
  const sentHost = host === '' ? authority : host;
  const element = forwardedElement(peerAddress, scheme, authority);
  return (
    `X-Forwarded-For: ${chain === '' ? '' : `${chain}, `}${peerAddress}\r\n` +
    `X-Forwarded-Proto: ${sentProto}\r\n` +
    (sentHost === '' ? '' : `X-Forwarded-Host: ${sentHost}\r\n`) +
    `Forwarded: ${forwarded === '' ? '' : `${forwarded}, `}${element}\r\n`
  );
}

/** One element of Forwarded (RFC 7239 section 4). */
function forwardedElement(peerAddress: string, scheme: string, authority: string): string {
  const host = authority === '' ? '' : `;host=${forwardedValue(authority)}`;
  return `for=${forwardedNode(peerAddress)};proto=${scheme}${host}`;
}
