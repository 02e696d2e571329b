import { gzipSync } from 'node:zlib';
import type { TestAnswer } from '../../src/policies/testing.ts';
import { entry, one, type PolicyCase, type Prepared, request, slow } from './case.ts';

const ITEMS = Array.from({ length: 15 }, (_, id) => ({
  id,
  name: `item ${id}`,
  price: id * 7.31,
  tags: ['a', 'b'],
}));
/** 900 bytes. */
const JSON_BODY = JSON.stringify({ data: ITEMS, page: 1 });
const JSON_LINE = 'Content-Type: application/json';
const posted: Partial<Prepared> = { sent: request([JSON_LINE], { method: 'POST', body: JSON_BODY }) };
const answer: TestAnswer = { lines: [JSON_LINE], body: JSON_BODY };
const answered: Partial<Prepared> = { answer };
const SCHEMA = {
  type: 'object',
  required: ['data'],
  properties: {
    data: { type: 'array', items: { required: ['id'], properties: { price: { type: 'number' } } } },
  },
};

const kept: TestAnswer = { lines: [JSON_LINE, 'Cache-Control: max-age=3600'], body: JSON_BODY };

export const BODY_CASES: readonly PolicyCase[] = [
  one('cache', {}, 'an answer that is kept, in place of the backend', { answer: kept, replies: true }),
  one('cache', {}, 'an answer that is not to be kept'),
  slow('compress', { codings: ['gzip'], minBytes: 1 }, '900 bytes by gzip', answered),
  one('compress', {}, 'an answer that has no type for it', {
    answer: { lines: ['Content-Type: image/png', 'Content-Length: 9000'] },
  }),
  slow('decompressRequest', {}, '900 bytes by gzip', {
    sent: request(['Content-Encoding: gzip'], { method: 'POST', body: gzipSync(JSON_BODY) }),
  }),
  one('decompressRequest', {}, 'a request without a body'),
  slow('requestBody', { wrap: 'inner' }, 'wrap 900 bytes', posted),
  slow('requestBody', { jsonata: '{"total": $sum(data.price)}' }, 'JSONata over 900 bytes', posted),
  slow('responseBody', { unwrap: 'data' }, 'unwrap 900 bytes', answered),
  slow('validate', { body: { schema: SCHEMA } }, 'a body of 900 bytes', posted),
  slow('validate', { answers: { body: { schema: SCHEMA } } }, 'an answer of 900 bytes', answered),
  slow('bodyLimit', { maxBytes: '1Mi' }, '900 bytes in chunks', {
    sent: request(['Transfer-Encoding: chunked'], { method: 'POST', body: JSON_BODY }),
    entries: [entry('bodyLimit', { maxBytes: '1Mi' })],
  }),
];
