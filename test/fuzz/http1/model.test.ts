import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyDecoder } from '../../../src/proxy/http1/body-decoder.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/request-head.ts';
import { modelChunked, modelRequest } from './model.ts';
import { mutate, Random } from './mutate.ts';
import { HEAD_LIMITS } from './run-codec.ts';
import { FIRST_SEED, FUZZ_TIMEOUT_MS, REQUESTS, requestSample, sampleCount } from './samples.ts';

/** Beside a slow model, in both directions: accepts what the model accepts, as the model reads it, and nothing else. */

const head = new RequestHead();

function readHead(raw: string) {
  if (parseRequestHead(raw, head, HEAD_LIMITS) !== 0) return null;
  const { method, target, framing, contentLength, keepAlive, host, fields } = head;
  const list = Array.from({ length: fields.count }, (_, i) => [fields.name(i), fields.value(i)]);
  return { method, target, fields: list, framing, contentLength, keepAlive, host };
}

function compareHead(raw: string, seed: number | string): boolean {
  const expected = modelRequest(raw);
  expect(readHead(raw), `seed ${seed}: ${JSON.stringify(raw)}`).toEqual(expected);
  return expected !== null;
}

describe('request heads, beside the model', () => {
  it(
    'agrees on changed ones',
    () => {
      let accepted = 0;
      const count = sampleCount(20_000);
      for (let n = 0; n < count; n++) {
        const { seed, text } = requestSample(FIRST_SEED + n);
        const end = text.indexOf('\r\n\r\n');
        const raw = end === -1 ? text : text.slice(0, end + 4);
        // Of the other forms the model knows nothing.
        if (/^(\r\n)?(CONNECT |[^ ]* \w+:)/i.test(raw) || /host:[ \t]*\[/i.test(raw)) continue;
        if (compareHead(raw, seed)) accepted++;
      }
      expect(accepted).toBeGreaterThan(count / 8);
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'agrees on lines put together from good and bad parts',
    () => {
      const part = (...parts: string[]) => fc.constantFrom(...parts);
      const line = fc.tuple(
        part(
          'Content-Length',
          'Transfer-Encoding',
          'Host',
          'Connection',
          'Expect',
          'X-A',
          'content-length',
          'Hos',
          '',
        ),
        part(':', ': ', ' :', ':\t', ': \t '),
        part(
          '5',
          '0',
          '05',
          'chunked',
          'Chunked',
          'a.example',
          'a:80',
          'a:0',
          'close',
          'keep-alive',
          ',close,,x',
          '100-continue',
          '',
          'a b',
          '\xe9',
          '\0',
        ),
        part('', ' ', '\t'),
        fc.oneof(
          { weight: 12, arbitrary: part('\r\n') },
          { weight: 1, arbitrary: part('\n', '\r', '\r\n ') },
        ),
      );
      const start = part(
        'GET / HTTP/1.1\r\n',
        'POST /?q HTTP/1.0\r\n',
        'TRACE / HTTP/1.1\r\n',
        'OPTIONS * HTTP/1.3\r\n',
        'GET  / HTTP/1.1\r\n',
      );
      const host = part('Host: b\r\n', '');
      fc.assert(
        fc.property(start, host, fc.array(line, { maxLength: 5 }), (first, second, lines) => {
          compareHead(
            `${first}${second}${lines.map((parts) => parts.join('')).join('')}\r\n`,
            'of fast-check',
          );
        }),
        { numRuns: sampleCount(5000), seed: FIRST_SEED },
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});

const decoder = new BodyDecoder();
const NO_LIMITS = { maxBodyBytes: 0, maxTrailerBytes: 1e6, maxChunkExtensionBytes: 1e6 };
const DROPPED =
  /^(content-length|content-type|transfer-encoding|host|authorization|connection|upgrade|trailer|te|keep-alive|expect):.*\r\n/gim;

function readChunked(text: string, pieces: readonly number[]) {
  decoder.reset('chunked', 0, NO_LIMITS);
  let payload = '';
  const sink = {
    onData: (data: Buffer, from: number, to: number) => {
      payload += data.toString('latin1', from, to);
    },
  };
  const buf = Buffer.from(text, 'latin1');
  let at = 0;
  for (let turn = 0; at < buf.length && !decoder.done; turn++) {
    const bytes = pieces.length === 0 ? buf.length : pieces[turn % pieces.length]!;
    at = decoder.execute(buf, at, Math.min(buf.length, at + bytes), sink);
    if (at < 0) return null;
  }
  return decoder.done ? { payload, trailers: decoder.trailers, bytes: at } : null;
}

function compareBody(text: string, pieces: readonly number[], seed: number | string): boolean {
  const model = modelChunked(text);
  const expected = model === null ? null : { ...model, trailers: model.trailers.replace(DROPPED, '') };
  expect(readChunked(text, pieces), `seed ${seed}: ${JSON.stringify(text)}`).toEqual(expected);
  return expected !== null;
}

const CHUNKED = [
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a;b=c;d="e\\"f"\r\nhello\r\n0A\r\n0123456789\r\n000;x\r\nA: b\r\nHost: c\r\n\r\n',
  '1\r\n\r\r\n1\r\n\n\r\n2\r\n\r\n\r\n0\r\nX-Sum:\t1 \r\nGrpc-Status:0\r\n\r\nGET',
];

describe('chunked bodies, beside the model', () => {
  it(
    'agrees on changed ones',
    () => {
      let accepted = 0;
      const count = sampleCount(20_000);
      for (let n = 0; n < count; n++) {
        const seed = FIRST_SEED + n;
        const random = new Random(seed);
        const text = mutate(random.pick(CHUNKED), random, [...CHUNKED, ...REQUESTS]);
        const pieces = random.below(3) === 0 ? [] : [1 + random.below(3), 1 + random.below(9)];
        if (compareBody(text, pieces, seed)) accepted++;
      }
      expect(accepted).toBeGreaterThan(count / 8);
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'reads back what was written, however it was cut into chunks and pieces',
    () => {
      const octets = fc.string({
        unit: fc.nat(255).map((octet) => String.fromCharCode(octet)),
        maxLength: 40,
      });
      const text = fc.string({ unit: fc.constantFrom(...'ab \t\xe9"'), maxLength: 8 });
      const chunks = fc.array(octets.filter((chunk) => chunk !== ''));
      const trailers = fc.array(
        text.map((value) => `X-T: ${value}\r\n`),
        { maxLength: 3 },
      );
      const pieces = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 5 });
      fc.assert(
        fc.property(chunks, trailers, pieces, octets, (parts, lines, cuts, after) => {
          const body = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
          const wire = `${body}0\r\n${lines.join('')}\r\n`;
          expect(readChunked(wire + after, cuts)).toEqual({
            payload: parts.join(''),
            trailers: lines.join(''),
            bytes: wire.length,
          });
          expect(compareBody(wire + after, cuts, 'of fast-check')).toBe(true);
        }),
        { numRuns: sampleCount(1000), seed: FIRST_SEED },
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});
