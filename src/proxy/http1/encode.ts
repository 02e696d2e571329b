import { reasonPhrase } from '../../lib/status-phrases.ts';

const STATUS_LINES: readonly string[] = Array.from({ length: 600 }, (_, status) => {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
});

/** `HTTP/1.1 200 OK\r\n`. `status` is an integer from 100 to 599. */
export function statusLine(status: number): string {
  return STATUS_LINES[status]!;
}

/** The head of a chunk of `bytes` (> 0) bytes; the data and CRLF follow. */
export function chunkHead(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

/** Follows the data of each chunk. */
export const CHUNK_END = '\r\n';

/** The last chunk and the empty line: ends a chunked body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** The last chunk with trailer lines (each with its CRLF, as `BodyDecoder.trailers` has them). */
export function lastChunk(trailers: string): string {
  return trailers === '' ? LAST_CHUNK : `0\r\n${trailers}\r\n`;
}

let dateSecond = -1;
let dateText = '';

/** IMF-fixdate (RFC 9110 section 5.6.7) of `nowMs`, made once a second. */
export function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
