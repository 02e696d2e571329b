import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bodyLimit } from './body-limit.ts';
import { decompressRequest } from './decompress-request.ts';
import { bindPolicies, exchange, type TestRequest } from './testing.ts';

const CHUNKED = 'Transfer-Encoding: chunked';
const sent = (bytes: number, ...lines: string[]): TestRequest => ({
  method: 'POST',
  body: 'x'.repeat(bytes),
  lines,
});
const through = (maxBytes: string | number, request: TestRequest) =>
  exchange(bindPolicies([bodyLimit, { maxBytes }]), request);

describe('a body', () => {
  it.each([
    ['of the length that may be', 1024],
    ['of none', 0],
  ])('%s passes as it is', async (_, bytes) => {
    const outcome = await through('1Ki', sent(bytes));
    expect([outcome.status, outcome.forwardedBody.length]).toEqual([200, bytes]);
  });

  it('that says that it is longer is refused before any of it is read', async () => {
    const outcome = await through('1Ki', sent(1025));
    expect([outcome.status, outcome.forwarded]).toEqual([413, null]);
  });

  it.each([
    [1024, 1024, null],
    [1025, 1024, 'beyond the limit'],
    [1, 0, 'beyond the limit'],
    [0, 0, null],
  ])('of %i bytes without a length, of %i: %s', async (bytes, most, failure) => {
    const outcome = through(most, sent(bytes, CHUNKED));
    if (failure === null) expect((await outcome).forwardedBody.length).toBe(bytes);
    else await expect(outcome).rejects.toThrow(failure);
  });

  it('counts as policies before left it', async () => {
    const rule = bindPolicies([decompressRequest, {}], [bodyLimit, { maxBytes: 100 }]);
    const body = gzipSync('x'.repeat(5000));
    expect(body.length).toBeLessThan(100);
    const request = { method: 'POST', body, lines: ['Content-Encoding: gzip'] };
    await expect(exchange(rule, request)).rejects.toThrow('beyond the limit');
  });
});

it('a size that is none is refused', () => {
  expect(() => bindPolicies([bodyLimit, { maxBytes: 'much' }])).toThrow('write a size');
  expect(() => bindPolicies([bodyLimit, {}])).toThrow('maxBytes');
});
