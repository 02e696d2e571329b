import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { BoundPolicy, PolicySpec } from '../../src/pipeline/policy.ts';
import { compress } from '../../src/policies/compress/index.ts';
import { decompressRequest } from '../../src/policies/decompress-request.ts';
import { bindPolicies } from '../../src/policies/testing.ts';
import { head } from '../e2e/support/raw-client.ts';
import { answering, ok, playing } from '../e2e/support/upstream.ts';
import { sleep, until } from '../e2e/support/wait.ts';
import { chunked, client, plane, upstream } from './bodies.ts';
import { forward } from './data-plane.ts';

const bound = (spec: PolicySpec, config: object): BoundPolicy =>
  bindPolicies([spec, config]).steps[0]!.policy;
const GET = head('GET /', 'Accept-Encoding: gzip');
const JSON_TYPE = 'Content-Type: application/json';
const SMALL = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `item ${id}` })));
const LARGE = SMALL.repeat(200);

it.each([
  ['small', ok(SMALL, JSON_TYPE), SMALL],
  ['large', ok(LARGE, JSON_TYPE), LARGE],
  [
    'in one-byte chunks',
    `HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(SMALL, 1)}`,
    SMALL,
  ],
])('compresses what comes over a socket: %s', async (_, text, body) => {
  const backend = await upstream(playing(text));
  const gateway = await plane(forward(), [backend.port], { compress: bound(compress, {}) });
  const one = await client(gateway);
  for (let turn = 1; turn <= 2; turn++) {
    one.write(GET);
    const answer = (await one.answers(turn)).at(-1)!;
    expect(gunzipSync(Buffer.from(answer.body, 'latin1')).toString()).toBe(body);
  }
  expect(one.text).toMatch(/content-encoding: gzip\r\n/);
});

it('passes every event on when it comes', async () => {
  let say: (text: string) => void = () => undefined;
  const backend = await upstream((_, connection) => {
    connection.write(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    say = (text) => connection.write(`${text.length.toString(16)}\r\n${text}\r\n`);
  });
  const gateway = await plane(forward(), [backend.port], { compress: bound(compress, {}) });
  const one = await client(gateway);
  one.write(GET);
  await until(() => one.text.includes('\r\n\r\n'), 'the head is there before any event');
  let expected = '';
  for (let i = 1; i <= 20; i++) {
    say(`data: event ${i}\n\n`);
    expected += `data: event ${i}\n\n`;
    await until(() => {
      const { body } = one.responses(['GET'])[0]!;
      return (
        body !== '' &&
        gunzipSync(Buffer.from(body, 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH }).toString() ===
          expected
      );
    }, `event ${i} has arrived`);
  }
});

it('decompresses on the way to the backend', async () => {
  const backend = await upstream(answering());
  const gateway = await plane(forward(), [backend.port], {
    decompressRequest: bound(decompressRequest, { maxRatio: 10_000 }),
  });
  for (const size of [1, 100, 100_000]) {
    const one = await client(gateway);
    const body = gzipSync(LARGE).toString('latin1');
    one.write(
      `POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body, size)}`,
    );
    expect((await one.answer('POST')).status).toBe(200);
    expect((await backend.last.whole()).body).toBe(LARGE);
    expect(backend.last.header('content-encoding')).toBeNull();
  }
});

it('stops a bomb before its bytes are anywhere', async () => {
  const backend = await upstream();
  const gateway = await plane(forward(), [backend.port], {
    decompressRequest: bound(decompressRequest, { maxRatio: 50 }),
  });
  const one = await client(gateway);
  const bomb = gzipSync(Buffer.alloc(200_000_000)).toString('latin1');
  one.write(
    `POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n${bomb}`,
  );
  expect((await one.answer('POST')).status).toBe(413);
  await until(() => backend.connections.every(({ closed }) => closed), 'the backend is cut off');
  expect(backend.text.length).toBeLessThan(1_000_000);
  expect(backend.requests.every(({ message }) => !message.complete)).toBe(true);
});

it('a body of 10 GB is refused after a small limit, announced or not', async () => {
  const backend = await upstream();
  const gateway = await plane(forward({ maxBodyBytes: 1000 }), [backend.port], {
    decompressRequest: bound(decompressRequest, {}),
  });
  const announced = await client(gateway);
  announced.write(head('POST /', 'Content-Encoding: gzip', 'Content-Length: 10000000000'));
  expect((await announced.answer('POST')).status).toBe(413);
  const silent = await client(gateway);
  silent.write(head('POST /', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'));
  const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  for (let i = 0; i < 100 && silent.ending === 'open' && !silent.text.includes('413'); i++) {
    silent.write(piece);
    await sleep(1);
  }
  await until(() => silent.text.includes(' 413 '), 'it is refused');
});
