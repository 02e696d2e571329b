import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { BodyRefusal } from '../pipeline/body.ts';
import { decompressRequest } from './decompress-request.ts';
import { bindPolicies, exchange } from './testing.ts';

const TEXT = Array.from({ length: 50_000 }, (_, i) => `line ${i}`).join('\n');
const ENCODE: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

const posted = (coding: string, body: Uint8Array, config: object = {}, lines: string[] = []) =>
  exchange(bindPolicies([decompressRequest, config]), {
    method: 'POST',
    lines: [`Content-Encoding: ${coding}`, ...lines],
    body,
  });

/** The reply with which the stream ends the exchange. */
async function refusal(coding: string, body: Uint8Array, config: object = {}): Promise<number> {
  const outcome = await posted(coding, body, config).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(BodyRefusal);
  return (outcome as BodyRefusal).reply.status;
}

test.each(Object.keys(ENCODE))('%s', async (coding) => {
  const body = ENCODE[coding]!(Buffer.from(TEXT));
  const outcome = await posted(coding.toUpperCase(), body, { maxRatio: 10_000 }, [
    'Content-Digest: sha-256=:x:',
  ]);
  expect(outcome.forwardedBody.toString()).toBe(TEXT);
  expect(outcome.forwarded!.join()).not.toMatch(/content-encoding|content-digest/);
});

test('a plain body stays as it is', async () => {
  for (const lines of [[], ['Content-Encoding: identity']]) {
    const outcome = await exchange(bindPolicies([decompressRequest, {}]), {
      method: 'POST',
      lines,
      body: 'plain',
    });
    expect(outcome.forwardedBody.toString()).toBe('plain');
  }
});

test.each([
  ['gzip, gzip'],
  ['gzip, br'],
  [Array(1000).fill('gzip').join()],
  ['compress'],
  ['nonsense'],
  ['__proto__'],
])('%s is refused with what may be used', async (coding) => {
  const outcome = await posted(coding, Buffer.from('x'));
  expect([outcome.status, outcome.forwarded]).toEqual([415, null]);
  expect(outcome.header('accept-encoding')).toBe('gzip, deflate, br, zstd, identity');
});

test.each(['gzip', 'deflate', 'br', 'zstd'])(
  'what is no %s, or ends too early, is refused',
  async (coding) => {
    expect(await refusal(coding, Buffer.from('this is not compressed at all'))).toBe(400);
    const whole = ENCODE[coding]!(Buffer.from(TEXT));
    expect(await refusal(coding, whole.subarray(0, whole.length - 3), { maxRatio: 10_000 })).toBe(400);
  },
);

test.each(['gzip', 'br', 'zstd'])('a bomb of %s is stopped by its ratio and by its size', async (coding) => {
  const bomb = ENCODE[coding]!(Buffer.alloc(30_000_000));
  expect(await refusal(coding, bomb, { maxBytes: '100Mi' })).toBe(413);
  expect(await refusal(coding, bomb, { maxRatio: 10_000, maxBytes: '20Mi' })).toBe(413);
});

test('a limit is the last size that passes', async () => {
  const body = gzipSync(Buffer.alloc(1000, 'x'));
  expect((await posted('gzip', body, { maxBytes: 1000 })).forwardedBody).toHaveLength(1000);
  expect(await refusal('gzip', body, { maxBytes: 999 })).toBe(413);
});

test('small bodies may grow as they like', async () => {
  expect((await posted('gzip', gzipSync(Buffer.alloc(60_000)), { maxRatio: 2 })).forwardedBody).toHaveLength(
    60_000,
  );
});
