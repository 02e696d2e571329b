import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastChunk, statusLine } from '../../../src/proxy/http1/encode.ts';
import { readRequests, readResponses } from './run-codec.ts';
import { FIRST_SEED, FUZZ_TIMEOUT_MS, sampleCount } from './samples.ts';

/** Valid messages, made from what the grammar allows: accepted, and read as they were meant. */

const TOKEN_CHARS = [..."!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ"];
const token = fc.string({ unit: fc.constantFrom(...TOKEN_CHARS), minLength: 1, maxLength: 12 });
// A name that no rule of the codec is about.
const fieldName = token.map((name) => `X-${name}`);
const VALUE_CHARS = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).filter((char) =>
  /[\t\x20-\x7e\x80-\xff]/.test(char),
);
const fieldValue = fc
  .string({ unit: fc.constantFrom(...VALUE_CHARS), maxLength: 30 })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
const blank = fc.constantFrom('', ' ', '\t', ' \t ');
const field = fc.record({ name: fieldName, before: blank, value: fieldValue, after: blank });
const fields = fc.array(field, { maxLength: 8 });
const octets = fc.string({ unit: fc.nat(255).map((octet) => String.fromCharCode(octet)), maxLength: 60 });
const path = fc
  .string({ unit: fc.constantFrom(..."abcXYZ019-._~!$&'()*+,;=:@%/[]^|?\\`{}"), maxLength: 30 })
  // What only a query may have stays behind the first question mark.
  .map((text) => `/${text.replace(/^[^?]*/, (before) => before.replace(/[\\`{}]/g, ''))}`);

interface BodyPlan {
  framing: 'none' | 'length' | 'chunked';
  content: string;
  chunkBytes: number;
}

const body: fc.Arbitrary<BodyPlan> = fc.record({
  framing: fc.constantFrom('none' as const, 'length' as const, 'chunked' as const),
  content: octets,
  chunkBytes: fc.integer({ min: 1, max: 25 }),
});

/** The line that announces the body, and the body. */
function encodeBody({ framing, content, chunkBytes }: BodyPlan): {
  line: [string, string] | null;
  wire: string;
  content: string;
} {
  if (framing === 'none') return { line: null, wire: '', content: '' };
  if (framing === 'length')
    return { line: ['Content-Length', String(content.length)], wire: content, content };
  let wire = '';
  for (let at = 0; at < content.length; at += chunkBytes) {
    const chunk = content.slice(at, at + chunkBytes);
    wire += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return { line: ['Transfer-Encoding', 'chunked'], wire: wire + lastChunk(''), content };
}

type FieldPlan = { name: string; before: string; value: string; after: string };

function encodeFields(list: readonly FieldPlan[]): string {
  return list.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`).join('');
}

const options = { numRuns: sampleCount(1500), seed: FIRST_SEED };

describe('valid messages', () => {
  it(
    'requests are read as they were meant, one after the other',
    () => {
      const request = fc.record({
        method: token.filter((name) => !/^(CONNECT|TRACE)$/.test(name)),
        path,
        fields,
        body,
      });
      fc.assert(
        fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (plans) => {
          let wire = '';
          const expected = plans.map((plan) => {
            const encoded = encodeBody(plan.body);
            const own: [string, string][] = [['Host', 'a.example']];
            if (encoded.line !== null) own.push(encoded.line);
            const lines = own.map(([name, value]) => `${name}: ${value}\r\n`).join('');
            wire += `${plan.method} ${plan.path} HTTP/1.1\r\n${lines}${encodeFields(plan.fields)}\r\n${encoded.wire}`;
            const rest = plan.fields.map(({ name, value }): [string, string] => [name, value]);
            return {
              start: `${plan.method} ${plan.path}`,
              fields: [...own, ...rest],
              body: encoded.content,
              complete: true,
            };
          });
          expect(readRequests([Buffer.from(wire, 'latin1')])).toEqual({
            messages: expected,
            refusal: null,
            trailers: '',
          });
        }),
        options,
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'responses are read as they were meant',
    () => {
      const status = fc.constantFrom(200, 201, 302, 404, 413, 500, 599);
      fc.assert(
        fc.property(status, fields, body, octets, (code, list, plan, rest) => {
          const encoded = encodeBody(plan);
          const own = encoded.line === null ? '' : `${encoded.line.join(': ')}\r\n`;
          const untilClose = encoded.line === null;
          const wire = `${statusLine(code)}${own}${encodeFields(list)}\r\n${untilClose ? rest : encoded.wire}`;
          const { messages, refusal } = readResponses([Buffer.from(wire, 'latin1')], 'GET');
          expect(refusal).toBeNull();
          expect(messages).toHaveLength(1);
          expect(messages[0]).toMatchObject({ body: untilClose ? rest : encoded.content, complete: true });
          expect(messages[0]!.start).toBe(statusLine(code).slice('HTTP/1.1 '.length, -2));
        }),
        options,
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});
