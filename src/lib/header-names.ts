/**
 * Fields of one hop (RFC 9110 section 7.6.1), and those that say where a message ends or what its sender waits for. The
 * gateway writes them itself: a value from elsewhere would let two parties read one stream in two ways.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** One form for what many applications (CGI and its heirs) read as one name. */
export function headerNameKey(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Whether the field belongs to the connection or to the framing of the message, so that nobody but the codec may write it. */
export function isFramingHeader(name: string): boolean {
  return FRAMING.has(headerNameKey(name));
}
