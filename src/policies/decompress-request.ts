import { Transform, type TransformCallback } from 'node:stream';
import { Type } from 'typebox';
import { createDecoder, type Decoder } from '../lib/codings.ts';
import { parseQuantity } from '../lib/quantity.ts';
import { fields, quantity } from '../lib/schema.ts';
import { BodyRefusal } from '../pipeline/body.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem, type Reply } from '../pipeline/reply.ts';
import { representationChanged } from '../pipeline/representation.ts';

/** Up to here the ratio says nothing: a kilobyte of zeros is no bomb. */
const FREE_BYTES = 64 * 1024;

const schema = fields(
  {
    maxBytes: quantity('Largest body once it is decompressed; more: 413.', '10Mi'),
    maxRatio: Type.Integer({
      description: 'A body may become so many times larger, from 64 KiB on; more: 413.',
      default: 100,
      minimum: 2,
      maximum: 10_000,
    }),
  },
  'Backends get the bodies of requests as they were before the client compressed them.',
);

/** RFC 7694 section 3: the client is told what it may use. */
const UNSUPPORTED: Reply = problem(415, 'The content coding of the request is not supported.', [
  ['accept-encoding', 'gzip, deflate, br, zstd, identity'],
]);

export const decompressRequest = definePolicy({
  name: 'decompressRequest',
  phase: 'limit',
  summary: 'Decompresses the bodies of requests, within limits.',
  schema,
  bind({ maxBytes, maxRatio }) {
    const largest = parseQuantity(maxBytes);
    return {
      onRequest({ request }) {
        const codings = codingsOf(request.header('content-encoding'));
        if (codings.length === 0) return undefined;
        const decoder = codings.length === 1 ? createDecoder(codings[0]!) : null;
        if (decoder === null) return UNSUPPORTED;
        request.removeHeader('content-encoding');
        representationChanged(request);
        request.body.transform(decoder, notDecodable);
        request.body.transform(new Limit(decoder, largest, maxRatio));
        return undefined;
      },
    };
  },
});

function codingsOf(header: string | null): readonly string[] {
  if (header === null) return [];
  return header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

/** `error` may quote the body: it is for nobody. */
function notDecodable(error: Error): Error {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  return new BodyRefusal(
    problem(400, 'The body is not what its Content-Encoding says.'),
    `the body can't be decompressed: ${code}`,
  );
}

/** Lets bytes pass until they are too many. */
class Limit extends Transform {
  readonly #decoder: Decoder;
  readonly #maxBytes: number;
  readonly #maxRatio: number;
  #bytes = 0;

  constructor(decoder: Decoder, maxBytes: number, maxRatio: number) {
    super();
    this.#decoder = decoder;
    this.#maxBytes = maxBytes;
    this.#maxRatio = maxRatio;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    const taken = this.#decoder.bytesWritten;
    if (this.#bytes > this.#maxBytes || (this.#bytes > FREE_BYTES && this.#bytes > taken * this.#maxRatio)) {
      done(
        new BodyRefusal(
          problem(413, 'The request body is larger than the limit once it is decompressed.'),
          `the body grows from ${taken} to more than ${this.#bytes} bytes`,
        ),
      );
      return;
    }
    done(null, chunk);
  }
}
