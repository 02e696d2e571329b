import { COMMA, HTAB, OCTET_CLASS, SP, TOKEN } from './chars.ts';
import { equalsName, nameOctets } from './header-kind.ts';
import { latin1 } from './latin1.ts';

const KEEP_ALIVE = nameOctets('keep-alive');
const CLOSE = nameOctets('close');
const UPGRADE = nameOctets('upgrade');

/** What the Connection lines of one message say (RFC 9110 section 7.6.1). */
export class ConnectionOptions {
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Other names listed, in lower case, each followed by a comma: '' or 'te,x-foo,'. Ask with {@link listsName}. */
  names = '';

  reset(): void {
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.names = '';
  }

  /** Adds the value in bytes [start,end). Empty elements are ignored. @returns false when an element is no token. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    for (;;) {
      while (at < end && (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB)) at++;
      if (at === end) return true;
      const tokenStart = at;
      while (at < end && (OCTET_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
      if (at === tokenStart) return false;
      this.#addToken(bytes, tokenStart, at);
      while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      if (at < end && bytes[at] !== COMMA) return false;
    }
  }

  #addToken(bytes: Uint8Array, start: number, end: number): void {
    if (equalsName(bytes, start, end, KEEP_ALIVE)) this.keepAlive = true;
    else if (equalsName(bytes, start, end, CLOSE)) this.close = true;
    else if (equalsName(bytes, start, end, UPGRADE)) this.upgrade = true;
    else this.names += `${latin1(bytes, start, end).toLowerCase()},`;
  }
}

/** Whether `connectionTokens` of a head names the field `lowerName`. */
export function listsName(connectionTokens: string, lowerName: string): boolean {
  if (connectionTokens === '') return false;
  return connectionTokens.startsWith(`${lowerName},`) || connectionTokens.includes(`,${lowerName},`);
}
