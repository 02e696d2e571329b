import type { FastifyReply } from 'fastify';
import { statusTitle } from '../lib/status-phrases.ts';

/** RFC 9457, as the data plane answers it. */
export function problem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  const body = { type: 'about:blank', title: statusTitle(status), status, detail };
  return reply.code(status).type('application/problem+json').send(body);
}
