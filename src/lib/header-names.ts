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

/** What the gateway says about the client and itself; a second line beside it would make it doubtful. */
const ABOUT_CLIENT = new Set([
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-gateway-timestamp',
  'x-request-id',
]);

const ABOUT_GATEWAY: ReadonlyMap<string, string> = new Map([
  ['date', 'the gateway writes it where the backend does not'],
  ['server', 'set serverHeader in portreeve.yaml'],
  ['via', 'set via in portreeve.yaml'],
  ['x-gateway-response-time', 'set responseTimeHeader in portreeve.yaml'],
]);

/** Null, or why nothing that an operator writes may set or remove that header of a request. */
export function requestNameProblem(name: string): string | null {
  const key = headerNameKey(name);
  if (key === 'host') return 'Host is not changed here: use rewrite.host of the rule';
  if (isFramingHeader(key)) return framing(name);
  if (ABOUT_CLIENT.has(key))
    return `${name} is the gateway's own: it writes it anew for each request, and believes what trustedProxies say`;
  return null;
}

/** Null, or why nothing that an operator writes may set that header of an answer. */
export function responseNameProblem(name: string): string | null {
  const own = ABOUT_GATEWAY.get(headerNameKey(name));
  if (own !== undefined) return `${name} is the gateway's own: ${own}`;
  return removalProblem(name);
}

/** Null, or why it may not be removed from an answer. */
export function removalProblem(name: string): string | null {
  return isFramingHeader(name) ? framing(name) : null;
}

function framing(name: string): string {
  return `${name} belongs to the connection or says where the message ends: only the gateway writes it`;
}
