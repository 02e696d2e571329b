import type { FastifyInstance } from 'fastify';
import type { AdminView } from './view.ts';

interface AcksQuery {
  readonly epoch: string;
  readonly since: number;
  readonly wait: number;
}

/** Shorter than the server's limit for an answer. */
const MAX_WAIT_SECONDS = 25;

const querystring = {
  type: 'object',
  properties: {
    epoch: { type: 'string', maxLength: 64, default: '' },
    since: { type: 'integer', minimum: 0, default: 0 },
    wait: { type: 'integer', minimum: 0, maximum: MAX_WAIT_SECONDS, default: 0 },
  },
};

/** `/acks?epoch=…&since=N&wait=SECONDS`: for the replica that writes the status, which waits for news here. */
export function addAcks(app: FastifyInstance, view: AdminView): void {
  app.get<{ Querystring: AcksQuery }>('/acks', { schema: { querystring } }, async ({ query }) => {
    if (view.acks === undefined) {
      throw Object.assign(new Error('nothing is acknowledged to other replicas here'), { statusCode: 404 });
    }
    return view.acks(query.epoch, query.since, query.wait * 1000);
  });
}
