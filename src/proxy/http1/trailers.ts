import { Fields, parseFieldLines } from './fields.ts';
import { octetsOf } from './latin1.ts';
import { RefusalCode } from './refusal.ts';

/**
 * Fields that mean something only in a head: framing, routing, request modifiers, authentication, response control, content
 * format (RFC 9110 section 6.5.1), and those that gateways set about a client. Dropped from a trailer section.
 */
const HEAD_ONLY = new Set([
  ...['content-length', 'transfer-encoding', 'host', 'trailer', 'te', 'connection', 'keep-alive', 'upgrade'],
  ...['proxy-connection', 'http2-settings', 'expect', 'max-forwards', 'pragma', 'range', 'cache-control'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['authorization', 'proxy-authorization', 'www-authenticate', 'proxy-authenticate'],
  ...['authentication-info', 'proxy-authentication-info', 'cookie', 'set-cookie'],
  ...['content-encoding', 'content-type', 'content-range', 'content-location', 'content-language'],
  ...[
    'age',
    'date',
    'expires',
    'location',
    'retry-after',
    'vary',
    'warning',
    'accept-ranges',
    'allow',
    'server',
  ],
  ...['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'],
  ...[
    'x-forwarded-prefix',
    'x-forwarded-server',
    'x-real-ip',
    'x-request-id',
    'x-original-url',
    'x-rewrite-url',
  ],
  ...['origin', 'referer', 'user-agent', 'strict-transport-security', 'access-control-allow-origin'],
]);

/** Shared: a trailer section is checked in one go and only its text is kept. */
const fields = new Fields();

/** A trailer section may have as many lines as its bytes allow. */
const MAX_LINES = 1024;

export interface TrailerResult {
  code: RefusalCode;
  /** The lines that may be forwarded, each with its CRLF. */
  lines: string;
}

/** @param section the trailer lines with the empty line that ends them, in latin1. */
export function parseTrailers(section: string): TrailerResult {
  fields.raw = section;
  const code = parseFieldLines(octetsOf(section), 0, section.length, fields, MAX_LINES);
  let lines = '';
  if (code === RefusalCode.OK) {
    for (let index = 0; index < fields.count; index++) {
      if (!HEAD_ONLY.has(fields.lowerName(index))) {
        lines += section.slice(fields.lineStart(index), fields.lineEnd(index));
      }
    }
  }
  fields.raw = '';
  return { code: code === RefusalCode.tooManyFields ? RefusalCode.trailersTooLarge : code, lines };
}
