import { describe, expect, it } from 'vitest';
import { BodyRefusal } from '../../src/pipeline/body.ts';
import type { BoundPolicy } from '../../src/pipeline/policy.ts';
import { problem } from '../../src/pipeline/reply.ts';
import { head } from '../e2e/support/raw-client.ts';
import { answering, ok } from '../e2e/support/upstream.ts';
import { sleep, until } from '../e2e/support/wait.ts';
import { chunked, client, doubling, plane, post, postChunked, upperCase, upstream } from './bodies.ts';
import { forward } from './data-plane.ts';

const LONG = 'abcdefghij'.repeat(40_000);
const reads: (string | null)[] = [];

/** Reads the body, keeps what it got in `reads`, and answers 413 when it is larger. */
function reader(maxBytes: number): BoundPolicy {
  return {
    async onRequest(x) {
      const bytes = await x.request.body.read(maxBytes);
      reads.push(bytes === null ? null : Buffer.from(bytes).toString('latin1'));
      return bytes === null ? problem(413, 'too much') : undefined;
    },
  };
}

/** Looks, and lets it pass whatever it is. */
function looker(maxBytes: number): BoundPolicy {
  return {
    async onRequest(x) {
      const bytes = await x.request.body.read(maxBytes);
      reads.push(bytes === null ? null : Buffer.from(bytes).toString('latin1'));
    },
  };
}

const lastRead = () => reads.at(-1);

describe('a policy that reads the body of a request', () => {
  it.each([
    ['with a length', post('hello')],
    ['in chunks', postChunked('hello', 2)],
    ['in one-byte chunks', postChunked('hello', 1)],
    ['of 400 KB', post(LONG)],
    ['of 400 KB in chunks', postChunked(LONG, 999)],
    ['of no bytes', post('')],
  ])('gets it before the backend is asked, and the backend gets it as it was framed: %s', async (_, text) => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(1_000_000) });
    const one = await client(gateway);
    one.write(text.slice(0, -2));
    await sleep(20);
    expect(backend.requests).toHaveLength(0);
    one.write(text.slice(-2));
    expect((await one.answer('POST')).status).toBe(200);
    const whole = await backend.last.whole();
    expect(whole.body).toBe(lastRead());
    expect(backend.last.header('transfer-encoding')).toBe(text.includes('chunked') ? 'chunked' : null);
  });

  it('decides what becomes of one that is too large; it is not read when its length says so', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(1000) });
    for (const text of [head('POST /', 'Content-Length: 10000000000'), postChunked('x'.repeat(1001), 100)]) {
      const one = await client(gateway);
      one.write(text);
      expect((await one.answer('POST')).status).toBe(413);
    }
    expect(backend.requests).toHaveLength(0);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('takes no memory for what is only announced', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(10_000_000) });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 9000000')}abc`);
    await until(() => gateway.plane.heldBodyBytes > 0, 'it reads');
    expect(gateway.plane.heldBodyBytes).toBeLessThan(10_000);
    one.destroy();
    await until(() => gateway.plane.heldBodyBytes === 0, 'it is forgotten');
  });

  it('may let one that is too large stream on, nothing lost and nothing twice', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { first: looker(1000), second: looker(5000) });
    for (const text of [postChunked(LONG, 700), post(LONG)]) {
      const one = await client(gateway);
      one.write(text);
      expect((await one.answer('POST')).status).toBe(200);
      expect((await backend.last.whole()).body).toBe(LONG);
    }
    expect(reads.slice(-4)).toEqual([null, null, null, null]);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('costs nothing where there is none', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(10) });
    const one = await client(gateway);
    one.write(`${head('GET /')}${head('GET /')}`);
    expect(await one.answers(2)).toHaveLength(2);
    expect(lastRead()).toBe('');
  });

  it('keeps trailers', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(1000) });
    const one = await client(gateway);
    one.write(postChunked('hello', 3, 'X-Sum: 7\r\n'));
    await one.answer('POST');
    await backend.last.whole();
    expect(backend.text).toContain('0\r\nX-Sum: 7\r\n\r\n');
  });

  it('is told to wait no longer than the request may take', async () => {
    const backend = await upstream();
    const gateway = await plane(forward({ requestTimeout: { kind: 'after', ms: 100 } }), [backend.port], {
      reader: reader(1000),
    });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 10')}abc`);
    expect((await one.answer('POST')).status).toBe(504);
    expect(gateway.logs).toEqual([]);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('answers 408 to a client that stops in the middle', async () => {
    const backend = await upstream();
    const gateway = await plane(forward({ idleTimeout: { kind: 'after', ms: 100 } }), [backend.port], {
      reader: reader(1000),
    });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 10')}abc`);
    expect((await one.answer('POST')).status).toBe(408);
    expect(gateway.logs).toEqual([]);
  });

  it('is let go when the client leaves', async () => {
    let left: unknown = null;
    const waits: BoundPolicy = {
      async onRequest(x) {
        try {
          await x.request.body.read(1000);
        } catch (error) {
          left = error;
          throw error;
        }
      },
    };
    const gateway = await plane(forward(), [], { waits });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 10')}abc`);
    await until(() => gateway.value('requestsInFlight') === 1, 'it waits');
    one.reset();
    await until(() => left !== null, 'the policy is told');
    expect(gateway.logs).toEqual([]);
    expect(gateway.gauges()).toMatchObject({ inFlight: 0 });
  });

  it('never sees a body that is framed wrongly', async () => {
    const gateway = await plane(forward(), [], { reader: reader(1000) });
    const one = await client(gateway);
    const before = reads.length;
    one.write('POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX');
    expect((await one.answer('POST')).status).toBe(400);
    expect([reads.length, gateway.logs]).toEqual([before, []]);
  });

  it("does not stand in the way of the rule's own limit", async () => {
    const backend = await upstream();
    const gateway = await plane(forward({ maxBodyBytes: 100 }), [backend.port], { reader: reader(1000) });
    for (const text of [post('x'.repeat(101)), postChunked('x'.repeat(101), 10)]) {
      const one = await client(gateway);
      one.write(text);
      expect((await one.answer('POST')).status).toBe(413);
    }
    expect(backend.requests).toHaveLength(0);
  });

  it('gets 503 when the thread holds too much, and others go on', async () => {
    const backend = await upstream();
    const gateway = await plane(
      forward(),
      [backend.port],
      { reader: reader(1_000_000) },
      { limits: { maxHeldBodyBytes: 100_000 } },
    );
    const one = await client(gateway);
    one.write(post(LONG));
    expect((await one.answer('POST')).status).toBe(503);
    const other = await client(gateway);
    other.write(post('small'));
    expect((await other.answer('POST')).status).toBe(200);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('can be drained: the request under way is finished', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { reader: reader(1000) });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 6')}abc`);
    await until(() => gateway.plane.heldBodyBytes > 0, 'it reads');
    const drained = gateway.drain(5000);
    await sleep(300);
    one.write('def');
    expect((await one.answer('POST')).status).toBe(200);
    expect(await drained).toBe(0);
  });
});

describe('Expect: 100-continue', () => {
  const EXPECTING = head('POST /', 'Content-Length: 5', 'Expect: 100-continue');

  it('is answered by the gateway when a policy reads, and the backend is not asked again', async () => {
    const backend = await upstream(async (request, connection) => {
      await request.whole();
      connection.write(`HTTP/1.1 100 Continue\r\n\r\n${ok()}`);
    });
    const gateway = await plane(forward(), [backend.port], { reader: reader(100) });
    const one = await client(gateway);
    one.write(EXPECTING);
    await until(() => one.text.includes('100 Continue\r\n\r\n'), 'it is told to go on');
    one.write('hello');
    expect((await one.answer('POST')).status).toBe(200);
    expect(one.text.split('100 Continue')).toHaveLength(2);
    expect(backend.last.header('expect')).toBeNull();
  });

  it('is left to the backend when a policy only changes what passes', async () => {
    const backend = await upstream(async (request, connection) => {
      connection.write('HTTP/1.1 100 Continue\r\n\r\n');
      await request.whole();
      connection.write(ok());
    });
    const upper: BoundPolicy = { onRequest: (x) => x.request.body.transform(upperCase()) };
    const gateway = await plane(forward(), [backend.port], { upper });
    const one = await client(gateway);
    one.write(EXPECTING);
    await until(() => one.text.includes('100 Continue\r\n\r\n'), 'it is told to go on');
    one.write('hello');
    expect((await one.answer('POST')).status).toBe(200);
    expect(backend.last.header('expect')).toBe('100-continue');
    expect((await backend.last.whole()).body).toBe('HELLO');
  });

  it('is not said to a client whose body is too large to be wanted', async () => {
    const gateway = await plane(forward({ maxBodyBytes: 3 }), [], { reader: reader(100) });
    const one = await client(gateway);
    one.write(EXPECTING);
    expect((await one.answer('POST')).status).toBe(413);
    expect(one.text).not.toContain('100 Continue');
  });
});

describe('a policy that replaces the body of a request', () => {
  const REPLACED = Buffer.from('{"replaced":true}');
  const replaces = (read: boolean): BoundPolicy => ({
    async onRequest(x) {
      if (read) await x.request.body.read(1_000_000);
      x.request.body.replace(REPLACED);
    },
  });

  it.each([
    ['with a length', post('hello'), true],
    ['in chunks with trailers', postChunked('hello', 2, 'X-Sum: 7\r\n'), true],
    ['none', head('POST /'), true],
    ['unread', post('hello'), false],
  ])('states its length, nothing of the old body is left: %s', async (_, text, read) => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { replaces: replaces(read) });
    const one = await client(gateway);
    one.write(text);
    expect((await one.answer('POST')).status).toBe(200);
    expect((await backend.last.whole()).body).toBe(REPLACED.toString());
    expect(backend.last.header('content-length')).toBe(String(REPLACED.length));
    expect(backend.text).not.toMatch(/transfer-encoding|hello|x-sum/i);
    // The connection is in step: the next request is what it says.
    one.write(post('again'));
    expect(await one.answers(2, ['POST', 'POST'])).toHaveLength(2);
    expect((await backend.last.whole()).body).toBe(REPLACED.toString());
  });

  it('with nothing', async () => {
    const backend = await upstream();
    const empties: BoundPolicy = { onRequest: (x) => x.request.body.replace(new Uint8Array(0)) };
    const gateway = await plane(forward(), [backend.port], { empties });
    const one = await client(gateway);
    one.write(postChunked('hello', 2));
    await one.answer('POST');
    expect(backend.last.header('content-length')).toBe('0');
    expect((await backend.last.whole()).body).toBe('');
  });
});

describe('a policy that passes the body of a request through a stream', () => {
  const through = (make: () => import('node:stream').Duplex): BoundPolicy => ({
    onRequest: (x) => x.request.body.transform(make()),
  });

  it.each([
    ['with a length', post(LONG)],
    ['in chunks', postChunked(LONG, 1000)],
    ['in one-byte chunks', postChunked(LONG.slice(0, 5000), 1)],
  ])('sends it in chunks: %s', async (_, text) => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], {
      one: through(upperCase),
      two: through(doubling),
    });
    const one = await client(gateway);
    one.write(text);
    expect((await one.answer('POST')).status).toBe(200);
    const sent = text.includes('chunked') ? null : LONG;
    const { body } = await backend.last.whole();
    if (sent !== null) expect(body).toBe(sent.toUpperCase().replace(/./g, '$&$&'));
    expect(body).toMatch(/^(AABBCCDDEEFFGGHHIIJJ)+$/);
    expect(backend.last.header('transfer-encoding')).toBe('chunked');
    expect(backend.last.header('content-length')).toBeNull();
  });

  it('leaves a request without a body as it is', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { one: through(upperCase) });
    const one = await client(gateway);
    one.write(head('GET /'));
    expect((await one.answer()).status).toBe(200);
    expect(backend.text).not.toMatch(/transfer-encoding|content-length/i);
  });

  it('shows those behind it what came out, and tells them its length', async () => {
    const backend = await upstream();
    const gateway = await plane(forward(), [backend.port], { one: through(upperCase), reader: reader(1000) });
    const one = await client(gateway);
    one.write(post('hello'));
    await one.answer('POST');
    expect(lastRead()).toBe('HELLO');
    expect(backend.last.header('content-length')).toBe('5');
  });

  it('does not read a client faster than the backend takes it', async () => {
    const backend = await upstream((request) => void request.connection.socket.pause());
    const gateway = await plane(forward(), [backend.port], { one: through(upperCase) });
    const one = await client(gateway);
    one.write(head('POST /', 'Content-Length: 500000000'));
    const piece = 'x'.repeat(100_000);
    let written = 0;
    for (; written < 60_000_000 && one.socket.writableLength < 10_000_000; written += piece.length) {
      one.write(piece);
      if (written % 1_000_000 === 0) await sleep(2);
    }
    // What two kernels buffer is bounded; the rest waits in the client.
    expect(one.socket.writableLength).toBeGreaterThanOrEqual(10_000_000);
  });

  it.each([
    ['a refusal', () => new BodyRefusal(problem(415, 'no such coding'), 'bad'), 415, []],
    ['any other error', () => new Error('boom'), 500, ['a stream of a policy threw: boom']],
  ])(
    'that fails with %s: the backend sees a broken request, the client is answered',
    async (_, make, status, logs) => {
      const { Transform } = await import('node:stream');
      const failing = () =>
        new Transform({
          transform: (chunk: Buffer, _encoding, done) => done(chunk.includes('!') ? make() : null, chunk),
        });
      const backend = await upstream();
      const gateway = await plane(forward(), [backend.port], { one: through(failing) });
      const one = await client(gateway);
      one.write('POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n');
      await until(() => backend.text.includes('ab'), 'the backend has the first chunk');
      one.write('1\r\n!\r\n0\r\n\r\n');
      expect((await one.answer('POST')).status).toBe(status);
      await until(() => backend.connections[0]!.closed, 'the backend is cut off');
      expect(backend.last.message.complete).toBe(false);
      expect(gateway.logs.map((line) => line.replace(/^.*rule 0: /, ''))).toEqual(logs);
    },
  );

  it('answers early without waiting for the rest', async () => {
    const backend = await upstream((_, connection) => connection.write(ok('early', 'Connection: close')));
    const gateway = await plane(forward(), [backend.port], { one: through(upperCase) });
    const one = await client(gateway);
    one.write(`${head('POST /', 'Content-Length: 100')}abc`);
    expect((await one.answer('POST')).body).toBe('early');
    await until(() => gateway.value('requestsInFlight') === 0, 'it is over');
  });
});

describe('tries', () => {
  const PLAN = {
    attempts: 2,
    when: ['reset', { status: 503 }],
    backoff: { kind: 'linear', baseMs: 1, maxMs: 1 },
    budget: 1,
  } as const;

  it('repeat a body that a policy has read, however large', async () => {
    let asked = 0;
    const backend = await upstream(async (request, connection) => {
      await request.whole();
      connection.write(++asked < 3 ? 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n' : ok());
    });
    const gateway = await plane(forward({ retry: PLAN }), [backend.port], { reader: reader(1_000_000) });
    const one = await client(gateway);
    one.write(post(LONG).replace('POST', 'PUT'));
    expect((await one.answer('PUT')).status).toBe(200);
    expect(backend.requests.map((request) => request.body === LONG)).toEqual([true, true, true]);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('do not repeat what was streamed and not kept', async () => {
    const backend = await upstream(async (request, connection) => {
      await request.whole();
      connection.socket.resetAndDestroy();
    });
    const gateway = await plane(forward({ retry: PLAN }), [backend.port], { first: looker(100) });
    const one = await client(gateway);
    one.write(post(LONG).replace('POST', 'PUT'));
    expect((await one.answer('PUT')).status).toBe(502);
    expect(backend.requests).toHaveLength(1);
  });

  it('find the body after a connection that could not be had', async () => {
    const backend = await upstream();
    const gone = await upstream();
    const port = gone.port;
    await gone.stop();
    const gateway = await plane(forward(), [port, backend.port], { first: looker(100) });
    for (const text of [post(LONG), postChunked(LONG, 5000), post('short')]) {
      const one = await client(gateway);
      one.write(text);
      expect((await one.answer('POST')).status).toBe(200);
      expect((await backend.last.whole()).body).toBe(text === post('short') ? 'short' : LONG);
    }
  });

  it('send mirrors what the backend gets', async () => {
    const backend = await upstream();
    const gateway = await plane(
      forward({ mirrors: [{ cluster: 'Service/test/shop:80', percent: 100 }] }),
      [backend.port],
      {
        upper: {
          onRequest: async (x) => {
            const bytes = await x.request.body.read(1_000_000);
            x.request.body.replace(Buffer.from(Buffer.from(bytes!).toString().toUpperCase()));
          },
        },
      },
    );
    const one = await client(gateway);
    one.write(postChunked('hello', 1));
    await one.answer('POST');
    await until(() => backend.requests.length === 2, 'both were asked');
    for (const request of backend.requests) {
      expect((await request.whole()).body).toBe('HELLO');
      expect(request.header('content-length')).toBe('5');
    }
  });
});

it('upgrades pass policies that read bodies', async () => {
  const backend = await upstream((_, connection) =>
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi'),
  );
  const gateway = await plane(forward(), [backend.port], {
    reader: reader(100),
    upper: { onRequest: (x) => x.request.body.transform(upperCase()) },
  });
  const one = await client(gateway);
  one.write(head('GET /', 'Connection: Upgrade', 'Upgrade: echo'));
  await until(() => one.text.endsWith('hi'), 'the tunnel stands');
  one.write('raw');
  await until(() => backend.text.endsWith('raw'), 'bytes pass as they are');
});

it('many at once, in every mixture, leave nothing behind', async () => {
  const backend = await upstream(answering('ok'));
  const mixed: BoundPolicy = {
    onRequest(x) {
      const { body } = x.request;
      if (x.request.path.includes('t')) body.transform(doubling());
      return x.request.path.includes('r')
        ? Promise.resolve(body.read(2000)).then(() => undefined)
        : undefined;
    },
  };
  const gateway = await plane(forward(), [backend.port], { mixed });
  await Promise.all(
    ['/t', '/r', '/tr', '/', '/x'].flatMap((path) =>
      [10, 3000, 200_000].map(async (size) => {
        const one = await client(gateway);
        const body = 'y'.repeat(size);
        one.write(
          `POST ${path} HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body, 777)}`,
        );
        expect((await one.answer('POST')).status).toBe(200);
      }),
    ),
  );
  for (const request of backend.requests) {
    const { body } = await request.whole();
    expect(body.length / (request.target.includes('t') ? 2 : 1)).toBeOneOf([10, 3000, 200_000]);
  }
  expect(gateway.plane.heldBodyBytes).toBe(0);
  await until(() => gateway.value('requestsInFlight') === 0, 'all is quiet');
});
