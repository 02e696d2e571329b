import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, rawRequest } from './support/raw-client.ts';
import { backend, prefix, route } from './support/resources.ts';
import { ok, RecordingUpstream, type UpstreamScript } from './support/upstream.ts';

/** A request is sent again only where that can do no harm. */
let upstream: RecordingUpstream;
let dead: number;
let gateway: Gateway;

const backoff = { linear: { base: '1ms', max: '2ms' } };

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  const parked = await RecordingUpstream.start();
  dead = parked.port;
  await parked.stop();
  const to = backend(upstream.port);
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        { ...prefix('/none'), backends: [to] },
        { ...prefix('/reset'), backends: [to], retry: { attempts: 2, when: ['reset'], backoff } },
        { ...prefix('/status'), backends: [to], retry: { attempts: 2, when: ['503'], backoff } },
        {
          ...prefix('/timeout'),
          backends: [to],
          timeouts: { backend: '1s' },
          retry: { attempts: 2, when: ['timeout'], backoff },
        },
        {
          ...prefix('/connect'),
          backends: [backend(dead, upstream.port)],
          retry: { attempts: 2, when: ['connect'], backoff },
        },
        {
          ...prefix('/budget'),
          backends: [to],
          retry: { attempts: 3, when: ['503'], backoff, budget: '10%' },
        },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** The first `count` requests fail by `fail`, those after it are answered. Returns how often it was asked. */
async function failing(
  count: number,
  fail: UpstreamScript,
  bytes: string,
): Promise<{ status: number; tries: number }> {
  let tries = 0;
  upstream.script = async (request, connection) => {
    await request.whole();
    tries++;
    if (tries <= count) return fail(request, connection);
    connection.write(ok(request.body));
  };
  const { status } = await rawRequest(gateway.port, bytes);
  return { status, tries };
}

const reset: UpstreamScript = (_, connection) => {
  connection.socket.resetAndDestroy();
};
const unavailable: UpstreamScript = (_, connection) =>
  connection.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
const silence: UpstreamScript = () => undefined;

const post = (target: string) => `${head(`POST ${target}`, 'Content-Length: 3')}abc`;

describe('GET', () => {
  it('is sent again after a reset', async () => {
    expect(await failing(1, reset, head('GET /reset'))).toEqual({ status: 200, tries: 2 });
  });
  it('gives up after its attempts', async () => {
    expect(await failing(9, reset, head('GET /reset'))).toEqual({ status: 502, tries: 3 });
  });
  it('is sent again after a status that the route names', async () => {
    expect(await failing(2, unavailable, head('GET /status'))).toEqual({ status: 200, tries: 3 });
  });
  it('passes on the last status when all tries failed', async () => {
    expect(await failing(9, unavailable, head('GET /status'))).toEqual({ status: 503, tries: 3 });
  });
  it('is sent again after a backend time-out', async () => {
    expect(await failing(1, silence, head('GET /timeout'))).toEqual({ status: 200, tries: 2 });
  });
  it('is not sent again for a reason that the route does not name', async () => {
    expect(await failing(1, unavailable, head('GET /reset'))).toEqual({ status: 503, tries: 1 });
  });
  it('is not sent again on a fresh connection without a retry plan', async () => {
    expect((await failing(9, reset, head('GET /none'))).status).toBe(502);
  });
});

describe('POST', () => {
  for (const [target, fail, status] of [
    ['/reset', reset, 502],
    ['/status', unavailable, 503],
    ['/timeout', silence, 504],
  ] as const) {
    it(`reaches a backend once, whatever happens (${target})`, async () => {
      expect(await failing(1, fail, post(target))).toEqual({ status, tries: 1 });
    });
  }

  it('goes to another endpoint when no byte was sent', async () => {
    for (let i = 0; i < 4; i++) {
      expect(await failing(0, reset, post('/connect'))).toEqual({ status: 200, tries: 1 });
    }
  });
});

describe('the budget', () => {
  it('bounds retries when everything fails at once', async () => {
    let tries = 0;
    upstream.script = async (request, connection) => {
      await request.whole();
      tries++;
      connection.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    };
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => rawRequest(gateway.port, head('GET /budget'))),
    );
    expect(answers.every((r) => r.status === 503)).toBe(true);
    // Without a budget it would be 240.
    expect(tries).toBeLessThan(150);
  });
});
