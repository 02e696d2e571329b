import { PassThrough } from 'node:stream';
import { type Choice, chooseCoding } from '../../lib/accept-encoding.ts';
import { type Coding, type Compressor, compressorOf } from '../../lib/codings.ts';
import { compileMediaTypes, typeOf } from '../../lib/media-types.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import type { Exchange, ResponseFields } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { notModified, representationChanged } from '../../pipeline/representation.ts';
import { createSlot } from '../../pipeline/slot.ts';
import { type CompressConfig, schema } from './schema.ts';

/** Compressed whole, on this thread: cheaper than a stream, and the client is told the length. */
const WHOLE_BYTES = 16 * 1024;
/** Streams of this thread that may be open at once, each with its windows; answers beyond go out as they are. */
const MAX_STREAMS = 1024;
/** Headers of clients seen, each with what it led to. Browsers send a handful of different ones. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_BYTES = 200;

/** What the client itself said, before policies changed it for the backend. */
const acceptSlot = createSlot<string | null>('compress.acceptEncoding');

let openStreams = 0;

export const compress = definePolicy({
  name: 'compress',
  phase: 'edge',
  summary: 'Compresses answers with gzip, Brotli or Zstandard.',
  schema,
  bind(config) {
    const answers = new Answers(config);
    return {
      onRequest(x) {
        x.set(acceptSlot, x.request.header('accept-encoding'));
      },
      onResponse: (x) => answers.see(x),
    };
  },
});

class Answers {
  readonly #codings: readonly Coding[];
  readonly #compressors: ReadonlyMap<Coding, Compressor>;
  readonly #minBytes: number;
  readonly #isWorthIt: (contentType: string | null) => boolean;
  readonly #remembered = new Map<string, Choice<Coding>>();

  constructor({ codings, levels, minBytes, types }: CompressConfig) {
    this.#codings = codings;
    this.#compressors = new Map(codings.map((coding) => [coding, compressorOf(coding, levels[coding])]));
    this.#minBytes = parseQuantity(minBytes);
    this.#isWorthIt = compileMediaTypes(types);
  }

  see(x: Exchange): void | Promise<void> {
    const { response } = x;
    // Nobody may have asked this policy about the request: another one answered before it.
    const accepted = x.get(acceptSlot) ?? x.request.header('accept-encoding');
    if (response.status === 304) {
      addVary(response);
      notModified(x.request, response);
      return;
    }
    if (!isPlainWhole(response)) return;
    const { coding, identityRefused } = this.#choose(accepted);
    const length = announcedBytes(x);
    if (length === 0 || !this.#isWanted(response, length, identityRefused)) return;
    addVary(response);
    if (coding === null) return;
    return this.#compress(x, this.#compressors.get(coding)!, length);
  }

  #isWanted(response: ResponseFields, length: number | null, identityRefused: boolean): boolean {
    if (identityRefused) return true;
    if (length !== null && length < this.#minBytes) return false;
    return this.#isWorthIt(response.header('content-type'));
  }

  #choose(accepted: string | null): Choice<Coding> {
    const key = accepted ?? '';
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const choice = chooseCoding(accepted, this.#codings);
    if (key.length > MAX_REMEMBERED_BYTES) return choice;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(key, choice);
    return choice;
  }

  #compress(x: Exchange, compressor: Compressor, length: number | null): void | Promise<void> {
    const { response } = x;
    if (x.request.method === 'HEAD') {
      markCompressed(response, compressor.coding);
      response.body.transform(new PassThrough());
      return;
    }
    if (length !== null && length <= WHOLE_BYTES) return compressWhole(response, compressor);
    if (openStreams >= MAX_STREAMS) return;
    openStreams++;
    const isEvents = typeOf(response.header('content-type')) === 'text/event-stream';
    const stream = compressor.stream(isEvents ? 'low' : 'normal').on('close', () => openStreams--);
    markCompressed(response, compressor.coding);
    response.body.transform(stream);
  }
}

async function compressWhole(response: ResponseFields, compressor: Compressor): Promise<void> {
  const bytes = await response.body.read(WHOLE_BYTES);
  if (bytes === null) return;
  const compressed = compressor.compress(bytes);
  if (compressed.length >= bytes.length) return;
  markCompressed(response, compressor.coding);
  response.body.replace(compressed);
}

/** The whole of a representation that no coding was applied to, and that may be changed (RFC 9111 section 5.2.2.6). */
function isPlainWhole(response: ResponseFields): boolean {
  if (response.status === 204 || response.status === 206) return false;
  if (response.header('content-range') !== null) return false;
  const coding = response.header('content-encoding');
  if (coding !== null && coding.trim().toLowerCase() !== 'identity') return false;
  const control = response.header('cache-control');
  return control === null || !/(?:^|[,\s])no-transform(?:$|[,;\s])/i.test(control);
}

/** Also of an answer to HEAD, which says what GET would have got. */
function announcedBytes({ request, response }: Exchange): number | null {
  if (request.method !== 'HEAD') return response.body.length;
  const stated = response.header('content-length');
  return stated === null ? null : Number(stated);
}

function markCompressed(response: ResponseFields, coding: Coding): void {
  representationChanged(response);
  response.setHeader('content-encoding', coding);
}

function addVary(response: ResponseFields): void {
  const vary = response.header('vary');
  if (vary === null || !/(?:^|[,\s])(?:\*|accept-encoding)(?:$|[,\s])/i.test(vary)) {
    response.addHeader('vary', 'Accept-Encoding');
  }
}
