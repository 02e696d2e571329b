/**
 * A plain, slow reading of HTTP/1.1 messages for the two ends of a test. It is not the gateway's codec on purpose:
 * what the gateway writes is judged by other eyes. Everything is latin1, one character a byte.
 */

export type HeaderLine = readonly [name: string, value: string];

export interface ParsedMessage {
  /** Start line without CRLF. */
  readonly startLine: string;
  /** Names in lower case, values trimmed, in order. */
  readonly headers: readonly HeaderLine[];
  /** Payload without chunk framing. */
  readonly body: string;
  readonly trailers: readonly HeaderLine[];
  /** The message's framing says that it has ended; false when bytes are missing. */
  readonly complete: boolean;
  /** The body ends where the connection does. */
  readonly untilClose: boolean;
  /** Offset of the first byte after it. */
  readonly end: number;
}

export interface ParsedResponse extends ParsedMessage {
  readonly status: number;
}

export function headerOf(message: { readonly headers: readonly HeaderLine[] }, name: string): string | null {
  const found = message.headers.filter(([n]) => n === name.toLowerCase()).map(([, value]) => value);
  return found.length === 0 ? null : found.join(', ');
}

export function headerLinesOf(message: { readonly headers: readonly HeaderLine[] }, name: string): string[] {
  return message.headers.filter(([n]) => n === name.toLowerCase()).map(([, value]) => value);
}

/** @throws Error when a line is not a field: a gateway must never write one. */
export function parseHeaderLines(block: string): HeaderLine[] {
  if (block === '') return [];
  return block.split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    if (colon <= 0 || /[\r\n\0]/.test(line)) throw new Error(`not a header line: ${JSON.stringify(line)}`);
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
}

/** The message that starts at `from`; null while its head is not complete. */
export function parseMessage(
  text: string,
  from: number,
  bodyless: (startLine: string) => boolean,
  isResponse: boolean,
): ParsedMessage | null {
  const headEnd = text.indexOf('\r\n\r\n', from);
  if (headEnd < 0) return null;
  const lineEnd = text.indexOf('\r\n', from);
  const startLine = text.slice(from, lineEnd);
  const headers = parseHeaderLines(text.slice(lineEnd + 2, Math.max(headEnd, lineEnd + 2)));
  const base = { startLine, headers, trailers: [] as HeaderLine[], untilClose: false };
  const bodyStart = headEnd + 4;
  if (bodyless(startLine)) return { ...base, body: '', complete: true, end: bodyStart };
  if (/\bchunked$/i.test(headerOf({ headers }, 'transfer-encoding') ?? '')) {
    return { ...base, ...parseChunks(text, bodyStart) };
  }
  const length = headerOf({ headers }, 'content-length');
  if (length === null && isResponse) {
    return { ...base, body: text.slice(bodyStart), complete: false, untilClose: true, end: text.length };
  }
  const end = bodyStart + Number(length ?? 0);
  return {
    ...base,
    body: text.slice(bodyStart, end),
    complete: text.length >= end,
    end: Math.min(end, text.length),
  };
}

function parseChunks(
  text: string,
  from: number,
): { body: string; complete: boolean; end: number; trailers: HeaderLine[] } {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const incomplete = { body, complete: false, end: text.length, trailers: [] };
    if (lineEnd < 0) return incomplete;
    const sizeText = text.slice(at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(sizeText)) throw new Error(`not a chunk size: ${JSON.stringify(sizeText)}`);
    const size = Number.parseInt(sizeText, 16);
    at = lineEnd + 2;
    if (size === 0) {
      if (text.startsWith('\r\n', at)) return { body, complete: true, end: at + 2, trailers: [] };
      const trailerEnd = text.indexOf('\r\n\r\n', at);
      if (trailerEnd < 0) return incomplete;
      return {
        body,
        complete: true,
        end: trailerEnd + 4,
        trailers: parseHeaderLines(text.slice(at, trailerEnd)),
      };
    }
    body += text.slice(at, at + size);
    if (text.length < at + size + 2) return { ...incomplete, body };
    if (text.slice(at + size, at + size + 2) !== '\r\n') throw new Error('a chunk is not followed by CRLF');
    at += size + 2;
  }
}

/**
 * The answers in the bytes that a client got. `methods[i]` is the method of the i-th request (the last one
 * stands for those after it); 1xx answers do not use one up.
 */
export function parseResponses(text: string, methods: readonly string[] = ['GET']): ParsedResponse[] {
  const responses: ParsedResponse[] = [];
  let at = 0;
  let finals = 0;
  while (at < text.length) {
    const method = methods[Math.min(finals, methods.length - 1)];
    const message = parseMessage(text, at, (line) => hasNoBody(line, method), true);
    if (message === null) break;
    const status = statusOf(message.startLine);
    responses.push({ ...message, status });
    if (status >= 200) finals++;
    at = message.end;
    if (status === 101) break;
  }
  return responses;
}

function hasNoBody(startLine: string, method: string | undefined): boolean {
  const status = statusOf(startLine);
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}

function statusOf(startLine: string): number {
  const match = /^HTTP\/1\.[01] (\d{3}) /.exec(startLine);
  if (match === null) throw new Error(`not a status line: ${JSON.stringify(startLine)}`);
  return Number(match[1]);
}
