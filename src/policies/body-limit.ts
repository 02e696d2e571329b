import { Transform, type TransformCallback } from 'node:stream';
import { parseQuantity } from '../lib/quantity.ts';
import { fields, quantity } from '../lib/schema.ts';
import { BodyRefusal } from '../pipeline/body.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';

const schema = fields(
  { maxBytes: quantity('Largest body, as the policies before this one left it; 0: none at all.') },
  'Refuses requests with a larger body with 413. One whose length is told is refused before any of it is read.',
);

const REFUSAL = problem(413, 'The request body is larger than the limit.');

export const bodyLimit = definePolicy({
  name: 'bodyLimit',
  phase: 'limit',
  summary: 'Limits the size of request bodies; 413.',
  schema,
  bind(config) {
    const maxBytes = parseQuantity(config.maxBytes);
    return {
      onRequest({ request: { body } }) {
        const { length } = body;
        if (length === null) body.transform(new Limit(maxBytes));
        else if (length > maxBytes) return REFUSAL;
        return undefined;
      },
    };
  },
});

/** Lets bytes pass until they are too many. */
class Limit extends Transform {
  #left: number;

  constructor(maxBytes: number) {
    super();
    this.#left = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left < 0) done(new BodyRefusal(REFUSAL, 'the body grows beyond the limit of its rule'));
    else done(null, chunk);
  }
}
