import { PassThrough } from 'node:stream';
import { compileMediaTypes } from '../../lib/media-types.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import { notModified, representationChanged } from '../../pipeline/representation.ts';
import { compileMapping } from './mapping.ts';
import { responseSchema } from './schema.ts';

const UNUSABLE = problem(502, 'The answer of the backend could not be mapped.');

export const responseBody = definePolicy({
  name: 'responseBody',
  phase: 'rewrite',
  summary: "Wraps, unwraps or maps JSON bodies of backends' answers.",
  schema: responseSchema,
  bind(config, env) {
    const mapping = compileMapping(config);
    const maxBytes = parseQuantity(config.maxBytes);
    const isMapped = compileMediaTypes(config.types);
    const statuses = new Set(config.statuses);

    function fail(x: Exchange, reason: string): void {
      env.log('warn', `${x.routeKey} rule ${x.ruleName}: responseBody: ${reason}`);
      x.response.replace(UNUSABLE);
    }

    async function mapBody(x: Exchange): Promise<void> {
      const { response } = x;
      const bytes = await response.body.read(maxBytes);
      if (bytes === null) return fail(x, `the answer is larger than ${maxBytes} bytes`);
      if (bytes.length === 0) return;
      const mapped = await mapping.map(bytes, x);
      if (mapped.kind === 'invalid') return fail(x, 'the answer is not valid JSON');
      if (mapped.kind === 'failed') return fail(x, mapped.reason);
      if (mapped.kind === 'same') return;
      representationChanged(response);
      response.body.replace(mapped.bytes);
    }

    return {
      /** The backend is asked for the whole, and for what can be read. */
      onRequest({ request }) {
        request.removeHeader('range');
        request.removeHeader('if-range');
        request.setHeader('accept-encoding', 'identity');
      },
      onResponse(x) {
        const { request, response } = x;
        if (response.madeHere) return;
        if (response.status === 304) return notModified(request, response);
        const { status } = response;
        if (!statuses.has(String(status)) && !statuses.has(`${Math.floor(status / 100)}xx`)) return;
        if (!isMapped(response.header('content-type'))) return;
        if (response.header('content-encoding') !== null) return fail(x, 'the answer is compressed');
        if (request.method !== 'HEAD') return mapBody(x);
        representationChanged(response);
        response.body.transform(new PassThrough());
      },
      close: () => mapping.close(),
    };
  },
});
