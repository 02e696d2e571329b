import { compileMediaTypes } from '../../lib/media-types.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { representationChanged } from '../../pipeline/representation.ts';
import { compileMapping } from './mapping.ts';
import { requestSchema } from './schema.ts';

const TOO_LARGE = problem(413, 'The request body is larger than the limit.');
const INVALID = problem(400, 'The request body is not valid JSON.');
const FAILED = problem(500, 'The request body could not be mapped.');
const ENCODED = problem(415, 'The request body must not be compressed.', [['accept-encoding', 'identity']]);

export const requestBody = definePolicy({
  name: 'requestBody',
  phase: 'rewrite',
  summary: 'Wraps, unwraps or maps JSON bodies of requests before they are forwarded.',
  schema: requestSchema,
  bind(config, env) {
    const mapping = compileMapping(config);
    const maxBytes = parseQuantity(config.maxBytes);
    const isMapped = compileMediaTypes(config.types);

    async function mapBody(x: Exchange): Promise<Reply | undefined> {
      const { request } = x;
      const bytes = await request.body.read(maxBytes);
      if (bytes === null) return TOO_LARGE;
      if (bytes.length === 0) return undefined;
      const mapped = await mapping.map(bytes, x);
      switch (mapped.kind) {
        case 'same':
          return undefined;
        case 'invalid':
          return INVALID;
        case 'failed':
          env.log('warn', `${x.routeKey} rule ${x.ruleName}: requestBody: ${mapped.reason}`);
          return FAILED;
        case 'bytes':
          representationChanged(request);
          request.body.replace(mapped.bytes);
          return undefined;
      }
    }

    return {
      onRequest(x) {
        const { request } = x;
        if (request.body.length === 0 || !isMapped(request.header('content-type'))) return undefined;
        return request.header('content-encoding') === null ? mapBody(x) : ENCODED;
      },
      close: () => mapping.close(),
    };
  },
});
