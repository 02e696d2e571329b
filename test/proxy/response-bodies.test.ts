import { Transform } from 'node:stream';
import { constants, createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BodyRefusal } from '../../src/pipeline/body.ts';
import type { BoundPolicy } from '../../src/pipeline/policy.ts';
import { problem } from '../../src/pipeline/reply.ts';
import { head } from '../e2e/support/raw-client.ts';
import { ok, play, playing, type Step } from '../e2e/support/upstream.ts';
import { sleep, until } from '../e2e/support/wait.ts';
import { chunked, client, doubling, plane, post, Seen, upperCase, upstream } from './bodies.ts';
import { forward } from './data-plane.ts';

const LONG = 'abcdefghij'.repeat(40_000);
const CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`;
const GET = head('GET /');
const reads: (string | null)[] = [];

/** Reads the body and lets it pass. */
const looker = (maxBytes: number): BoundPolicy => ({
  async onResponse(x) {
    const bytes = await x.response.body.read(maxBytes);
    reads.push(bytes === null ? null : Buffer.from(bytes).toString('latin1'));
  },
});

const upper: BoundPolicy = { onResponse: (x) => x.response.body.transform(upperCase()) };

/** One policy whose every tap is kept. */
function tapping(): { policy: BoundPolicy; seen: Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    policy: {
      onResponse(x) {
        const tap = new Seen();
        seen.push(tap);
        x.response.body.tap(tap);
      },
    },
  };
}

const ANSWERS: readonly (readonly [name: string, steps: readonly Step[], body: string])[] = [
  ['with a length', [ok('hello')], 'hello'],
  ['of 400 KB', [ok(LONG)], LONG],
  ['in pieces', ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe', { pauseMs: 20 }, 'llo'], 'hello'],
  ['in chunks', [`${CHUNKED}${chunked(LONG, 999)}`], LONG],
  ['in one-byte chunks', [`${CHUNKED}${chunked('hello', 1)}`], 'hello'],
  ['until the end', ['HTTP/1.1 200 OK\r\n\r\nhel', { pauseMs: 20 }, 'lo', 'END'], 'hello'],
  ['of no bytes', [ok('')], ''],
];

describe('a policy that reads the body of an answer', () => {
  it.each(ANSWERS)(
    'gets it before the head is sent, and it goes out as it came: %s',
    async (_, steps, body) => {
      const backend = await upstream(playing(...steps));
      const gateway = await plane(forward(), [backend.port], { looker: looker(1_000_000) });
      const one = await client(gateway);
      one.write(GET);
      expect((await one.answer()).body).toBe(body);
      expect(reads.at(-1)).toBe(body);
      await until(() => gateway.value('requestsInFlight') === 0, 'it is over');
      expect(gateway.plane.heldBodyBytes).toBe(0);
    },
  );

  it.each(ANSWERS)('may let one that is too large stream on: %s', async (_, steps, body) => {
    const backend = await upstream(playing(...steps));
    const gateway = await plane(forward(), [backend.port], { first: looker(100), second: looker(3) });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).body).toBe(body);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('answers 502 when it breaks off, and tells the policy', async () => {
    let told: unknown = null;
    const steps: BoundPolicy = {
      async onResponse(x) {
        x.response.setHeader('x-seen', String(x.response.madeHere));
        if (x.response.madeHere) return;
        try {
          await x.response.body.read(1000);
        } catch (error) {
          told = error;
          throw error;
        }
      },
    };
    const backend = await upstream(
      playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', { pauseMs: 20 }, 'RESET'),
    );
    const retry = {
      attempts: 2,
      when: ['reset'],
      backoff: { kind: 'linear', baseMs: 1, maxMs: 1 },
      budget: 1,
    } as const;
    const gateway = await plane(forward({ retry }), [backend.port], { steps });
    const one = await client(gateway);
    one.write(GET);
    const answer = await one.answer();
    expect([answer.status, answer.body.includes('abc')]).toEqual([502, false]);
    expect(one.text).toContain('x-seen: true');
    expect([told !== null, backend.requests.length, gateway.logs]).toEqual([true, 1, []]);
  });

  it('waits no longer than the request may take', async () => {
    const backend = await upstream(playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const gateway = await plane(forward({ requestTimeout: { kind: 'after', ms: 100 } }), [backend.port], {
      looker: looker(1000),
    });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).status).toBe(504);
    expect([gateway.logs, gateway.plane.heldBodyBytes]).toEqual([[], 0]);
    await until(() => backend.connections[0]!.closed, 'the backend is let go');
  });

  it('is let go with the client', async () => {
    const backend = await upstream(playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const gateway = await plane(forward(), [backend.port], { looker: looker(1000) });
    const one = await client(gateway);
    one.write(GET);
    await until(() => gateway.plane.heldBodyBytes > 0, 'it reads');
    one.reset();
    await until(() => gateway.value('requestsInFlight') === 0, 'it is over');
    expect([gateway.logs, gateway.plane.heldBodyBytes]).toEqual([[], 0]);
  });

  it('gives the connection back while policies are still at it, without losing the head', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const slow: BoundPolicy = {
      async onResponse(x) {
        await x.response.body.read(1000);
        if (x.request.path === '/slow') await gate;
      },
    };
    const backend = await upstream((request, connection) =>
      connection.write(ok(request.target, `X-Path: ${request.target}`)),
    );
    const gateway = await plane(forward(), [backend.port], { slow });
    const first = await client(gateway);
    first.write(head('GET /slow'));
    await until(() => backend.requests.length === 1, 'the backend has answered');
    await sleep(20);
    const second = await client(gateway);
    second.write(head('GET /fast'));
    expect((await second.answer()).body).toBe('/fast');
    expect(backend.connections).toHaveLength(1);
    go();
    expect((await first.answer()).body).toBe('/slow');
    expect(first.text).toContain('X-Path: /slow\r\n');
  });

  it('gets 503 when the thread holds too much', async () => {
    const backend = await upstream(playing(ok(LONG)));
    const gateway = await plane(
      forward(),
      [backend.port],
      { looker: looker(1_000_000) },
      { limits: { maxHeldBodyBytes: 100_000 } },
    );
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).status).toBe(503);
    expect(gateway.plane.heldBodyBytes).toBe(0);
  });

  it('finds nothing after HEAD, and the length stays', async () => {
    const backend = await upstream(playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'));
    const gateway = await plane(forward(), [backend.port], { looker: looker(1000) });
    const one = await client(gateway);
    one.write(head('HEAD /'));
    const answer = await one.answer('HEAD');
    expect([answer.status, reads.at(-1)]).toEqual([200, '']);
    expect(one.text).toContain('Content-Length: 10');
  });
});

describe('a policy that replaces the body of an answer', () => {
  const NEW = '{"new":true}';
  const replaces = (read: boolean): BoundPolicy => ({
    async onResponse(x) {
      if (read) await x.response.body.read(1_000_000);
      x.response.body.replace(Buffer.from(NEW));
    },
  });

  it.each(
    ANSWERS.flatMap(
      ([name, steps]) =>
        [
          [`${name}, read`, steps, true],
          [name, steps, false],
        ] as const,
    ),
  )('keeps its head but for the length: %s', async (_, steps, read) => {
    const backend = await upstream(playing(...steps));
    const gateway = await plane(forward(), [backend.port], { replaces: replaces(read) });
    const one = await client(gateway);
    one.write(GET);
    const answer = await one.answer();
    expect([answer.status, answer.body]).toEqual([200, NEW]);
    expect(one.text).toContain(`Content-Length: ${NEW.length}\r\n`);
    expect(one.text).not.toMatch(/transfer-encoding/i);
    one.write(GET);
    expect(await one.answers(2)).toHaveLength(2);
  });

  it.each([204, 304])('but not of a %i', async (status) => {
    const backend = await upstream(playing(`HTTP/1.1 ${status} X\r\nETag: "a"\r\n\r\n`));
    const gateway = await plane(forward(), [backend.port], { replaces: replaces(false) });
    const one = await client(gateway);
    one.write(`${GET}${GET}`);
    expect((await one.answers(2)).map(({ body }) => body)).toEqual(['', '']);
    expect(one.text).not.toMatch(/content-length/i);
  });
});

describe('a policy that passes the body of an answer through a stream', () => {
  it.each(ANSWERS)('%s', async (_, steps, body) => {
    const backend = await upstream(playing(...steps));
    const two: BoundPolicy = { onResponse: (x) => x.response.body.transform(doubling()) };
    const gateway = await plane(forward(), [backend.port], { upper, two });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).body).toBe(body.toUpperCase().replace(/./g, '$&$&'));
    if (body !== '') expect(one.text).not.toMatch(/content-length/i);
    one.write(GET);
    expect(await one.answers(2)).toHaveLength(2);
  });

  it('answers HTTP/1.0 until the end of the connection', async () => {
    const backend = await upstream(playing(ok('hello')));
    const gateway = await plane(forward(), [backend.port], { upper });
    const one = await client(gateway);
    one.write('GET / HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n');
    await one.closed();
    expect(one.text).toMatch(
      /^HTTP\/1.1 200 OK\r\n(?!.*(content-length|chunked))[\s\S]*Connection: close[\s\S]*\r\n\r\nHELLO$/i,
    );
  });

  it('says nothing of the length after HEAD', async () => {
    const backend = await upstream(playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Kept: 1\r\n\r\n'));
    const gateway = await plane(forward(), [backend.port], { upper });
    const one = await client(gateway);
    one.write(`${head('HEAD /')}${head('HEAD /')}`);
    await one.answers(2, ['HEAD', 'HEAD']);
    expect(one.text).toContain('X-Kept: 1');
    expect(one.text).not.toMatch(/content-length/i);
  });

  it('does not read the backend faster than the client takes it', async () => {
    const backend = await upstream(async (_, connection) => {
      connection.write(CHUNKED);
      const piece = chunked('x'.repeat(100_000), 100_000).slice(0, -5);
      for (let i = 0; i < 600 && connection.socket.writableLength < 10_000_000; i++) {
        connection.write(piece);
        if (i % 10 === 0) await sleep(2);
      }
    });
    const gateway = await plane(forward(), [backend.port], { upper });
    const one = await client(gateway, { paused: true });
    one.write(GET);
    await until(
      () => (backend.connections[0]?.socket.writableLength ?? 0) >= 10_000_000,
      'the backend is stopped',
    );
    one.socket.resume();
    await until(() => one.text.length > 12_000_000, 'the rest follows');
    expect(one.text).not.toContain('xx');
  });

  it('passes events on as they come', async () => {
    const gzip: BoundPolicy = {
      onResponse: (x) => x.response.body.transform(createGzip({ flush: constants.Z_SYNC_FLUSH })),
    };
    let say: (text: string) => void = () => undefined;
    const backend = await upstream((_, connection) => {
      connection.write(CHUNKED);
      say = (text) => connection.write(`${text.length.toString(16)}\r\n${text}\r\n`);
    });
    const gateway = await plane(forward(), [backend.port], { gzip });
    const one = await client(gateway);
    one.write(GET);
    await until(() => one.text.includes('\r\n\r\n'), 'the head is there');
    for (let i = 1; i <= 3; i++) {
      say(`data: ${i}\n\n`);
      await until(() => {
        const { body } = one.responses(['GET'])[0]!;
        const plain = gunzipSync(Buffer.from(body, 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH });
        return plain.toString() === Array.from({ length: i }, (_, at) => `data: ${at + 1}\n\n`).join('');
      }, `event ${i} has arrived`);
    }
  });

  it('that fails cuts the connection: the client must not take it for the whole', async () => {
    const failing: BoundPolicy = {
      onResponse: (x) =>
        x.response.body.transform(
          new Transform({
            transform: (chunk: Buffer, _, done) =>
              done(chunk.includes('!') ? new Error('boom') : null, chunk),
          }),
        ),
    };
    const backend = await upstream(async (_, connection) => {
      await play(connection, [`${CHUNKED}3\r\nabc\r\n`, { pauseMs: 30 }, '1\r\n!\r\n0\r\n\r\n']);
    });
    const gateway = await plane(forward(), [backend.port], { failing });
    const one = await client(gateway);
    one.write(GET);
    expect(await one.closed()).toBe('reset');
    expect(one.responses(['GET'])[0]?.complete).not.toBe(true);
    await until(() => gateway.value('requestsInFlight') === 0, 'it is over');
  });

  it('is answered with its refusal when another policy waits for what comes out', async () => {
    const refusing: BoundPolicy = {
      onResponse(x) {
        if (!x.response.madeHere)
          x.response.body.transform(
            new Transform({
              transform: (_chunk, _encoding, done) => done(new BodyRefusal(problem(502, 'no JSON'), 'bad')),
            }),
          );
      },
    };
    const backend = await upstream(playing(ok('hello')));
    // Answers pass the policies in reverse.
    const gateway = await plane(forward(), [backend.port], { looker: looker(100), refusing });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).status).toBe(502);
    expect([one.text.includes('no JSON'), gateway.logs]).toEqual([true, []]);
  });

  it('cuts what the backend cut', async () => {
    const backend = await upstream(
      playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', { pauseMs: 20 }, 'RESET'),
    );
    const gateway = await plane(forward(), [backend.port], { upper });
    const one = await client(gateway);
    one.write(GET);
    await one.closed();
    expect(one.responses(['GET'])[0]!.complete).toBe(false);
  });

  it('changes what the gateway says itself, too', async () => {
    const gateway = await plane({ kind: 'respond', status: 200, headers: [], body: 'hello' }, [], { upper });
    const one = await client(gateway);
    one.write(`${GET}${GET}${head('HEAD /')}`);
    const answers = await one.answers(3, ['GET', 'GET', 'HEAD']);
    expect(answers.map(({ body }) => body)).toEqual(['HELLO', 'HELLO', '']);
  });

  it('does not wait for ever for a client that stops reading what is left', async () => {
    const grow: BoundPolicy = {
      onResponse: (x) =>
        x.response.body.transform(
          new Transform({ transform: (_c, _e, done) => done(null, Buffer.alloc(20_000_000, 0x78)) }),
        ),
    };
    const backend = await upstream(playing(ok('hello')));
    const gateway = await plane(forward({ idleTimeout: { kind: 'after', ms: 200 } }), [backend.port], {
      two: { onResponse: (x) => x.response.body.transform(upperCase()) },
      grow,
    });
    const one = await client(gateway, { paused: true });
    one.write(GET);
    await until(() => gateway.value('requestsInFlight') === 1, 'it has begun');
    await until(() => gateway.value('requestsInFlight') === 0, 'it is given up');
  });
});

describe('a policy that taps an answer', () => {
  it.each(ANSWERS)('sees every byte and its end: %s', async (_, steps, body) => {
    const { policy, seen } = tapping();
    const backend = await upstream(playing(...steps));
    const gateway = await plane(forward(), [backend.port], { policy });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).body).toBe(body);
    expect([seen[0]!.bytes, seen[0]!.calls]).toEqual([body.length, body === '' ? 'end ' : 'data end ']);
    // It goes out as it came.
    expect(/transfer-encoding/i.test(one.text)).toBe(!steps.join('').includes('Content-Length'));
  });

  it.each([
    [
      'the backend breaks off',
      ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', { pauseMs: 30 }, 'RESET'],
    ],
    ['the backend ends in mid-chunk', [`${CHUNKED}9\r\nabc`, { pauseMs: 30 }, 'END']],
  ] as const)('is told when %s', async (_, steps) => {
    const { policy, seen } = tapping();
    const backend = await upstream(playing(...(steps as readonly Step[])));
    const gateway = await plane(forward(), [backend.port], { policy });
    const one = await client(gateway);
    one.write(GET);
    await one.closed();
    expect(seen[0]!.calls).toBe('data abort ');
  });

  it('is told when the client leaves', async () => {
    const { policy, seen } = tapping();
    const backend = await upstream(playing('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const gateway = await plane(forward(), [backend.port], { policy });
    const one = await client(gateway);
    one.write(GET);
    await until(() => seen[0]?.calls === 'data ', 'it has begun');
    one.reset();
    await until(() => seen[0]!.calls === 'data abort ', 'it is told');
  });

  it('sees what those before it made, not what those behind it make', async () => {
    const inner = tapping();
    const outer = tapping();
    const backend = await upstream(playing(`${CHUNKED}${chunked(LONG, 1000)}`));
    const gateway = await plane(forward(), [backend.port], {
      outer: outer.policy,
      twice: { onResponse: (x) => x.response.body.transform(doubling()) },
      inner: inner.policy,
    });
    const one = await client(gateway);
    one.write(GET);
    await one.answer();
    expect([inner.seen[0]!.bytes, outer.seen[0]!.bytes]).toEqual([LONG.length, 2 * LONG.length]);
    expect([inner.seen[0]!.calls, outer.seen[0]!.calls]).toEqual(['data end ', 'data end ']);
  });

  it('is told when another answer takes the place', async () => {
    const { policy, seen } = tapping();
    const backend = await upstream(playing(ok(LONG)));
    const gateway = await plane(forward(), [backend.port], {
      page: { onResponse: (x) => x.response.replace({ status: 404, headers: [], body: 'page' }) },
      policy,
    });
    const one = await client(gateway);
    one.write(GET);
    const answer = await one.answer();
    expect([answer.status, answer.body]).toEqual([404, 'page']);
    expect(seen[0]!.calls).toMatch(/^(data )?abort $/);
  });

  it('sees answers of the gateway, and the end of those that have no body', async () => {
    const { policy, seen } = tapping();
    const gateway = await plane({ kind: 'respond', status: 200, headers: [], body: 'hello' }, [], { policy });
    const one = await client(gateway);
    one.write(`${GET}${head('HEAD /')}`);
    await one.answers(2, ['GET', 'HEAD']);
    expect(seen.map(({ calls }) => calls)).toEqual(['data end ', 'end ']);
  });

  it('leaves tunnels and interim answers alone', async () => {
    const { policy, seen } = tapping();
    const backend = await upstream(
      playing(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi',
      ),
    );
    const gateway = await plane(forward(), [backend.port], { policy, upper });
    const one = await client(gateway);
    one.write(head('GET /', 'Connection: Upgrade', 'Upgrade: echo'));
    await until(() => one.text.endsWith('hi'), 'the tunnel stands');
    expect([seen.length, one.text.includes('103 Early Hints')]).toEqual([0, true]);
  });
});

it('both bodies at once, through streams both ways', async () => {
  const backend = await upstream(async (request, connection) => {
    connection.write(CHUNKED);
    const { body } = await request.whole();
    connection.write(chunked(body, 1234));
  });
  const gateway = await plane(forward(), [backend.port], {
    both: {
      onRequest: (x) => x.request.body.transform(createGzip()),
      onResponse: (x) => x.response.body.transform(createGunzip()),
    },
  });
  const one = await client(gateway);
  const text = Array.from({ length: 50_000 }, (_, i) => `line ${i}`).join('\n');
  one.write(post(text));
  expect((await one.answer('POST')).body).toBe(text);
  expect(gateway.plane.heldBodyBytes).toBe(0);
});
