import { RefusalCode } from './refusal.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';

/** For the unit tests of request heads. */

export const limits = { maxHeadBytes: 8192, maxHeaders: 20, maxTargetBytes: 1024 };

/** Lines without CRLF; the empty line is added. */
export function parse(...lines: string[]): RequestHead | RefusalCode {
  return parseText(`${lines.join('\r\n')}\r\n\r\n`);
}

export function parseText(raw: string): RequestHead | RefusalCode {
  const head = new RequestHead();
  const code = parseRequestHead(raw, head, limits);
  return code === RefusalCode.OK ? head : code;
}

export function accepted(...lines: string[]): RequestHead {
  const head = parse(...lines);
  if (typeof head === 'number') throw new Error(`refused: ${head}`);
  return head;
}

export const GET = 'GET / HTTP/1.1';
export const POST = 'POST / HTTP/1.1';
export const HOST = 'Host: a.example';
