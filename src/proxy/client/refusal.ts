import { problem, type Reply } from '../../pipeline/reply.ts';
import { httpDate, statusLine } from '../http1/encode.ts';
import { type RefusalCode, refusalMessage, refusalStatus } from '../http1/refusal.ts';

/** The whole answer to bytes that are no request. It closes the connection: where the next one begins is unknown. */
export function refusalText(code: RefusalCode, serverHeader: string | null): string {
  return replyText(problem(refusalStatus(code), refusalMessage(code)), serverHeader);
}

/** A whole answer that closes its connection. */
export function replyText({ status, headers, body }: Reply, serverHeader: string | null): string {
  const server = serverHeader === null ? '' : `Server: ${serverHeader}\r\n`;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return (
    `${statusLine(status)}${lines}Content-Length: ${body.length}\r\n` +
    `Date: ${httpDate(Date.now())}\r\n${server}Connection: close\r\n\r\n${body}`
  );
}
