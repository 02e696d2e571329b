import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get, head, rawRequest } from './support/raw-client.ts';
import { backend, prefix, route } from './support/resources.ts';
import { ok, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** A request that is slow to be answered is sent a second time, elsewhere; the first answer is taken. */
let slow: RecordingUpstream;
let fast: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  slow = await RecordingUpstream.start();
  fast = await RecordingUpstream.start();
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        { ...prefix('/'), backends: [backend(slow.port, fast.port)], hedge: { after: '50ms' } },
        { ...prefix('/patient'), backends: [backend(slow.port, fast.port)], hedge: { after: '1m' } },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await slow?.stop();
  await fast?.stop();
});

/** Whatever is asked first hangs; whatever is asked second answers. */
function hangFirst(): { asked: () => number } {
  let asked = 0;
  const script: RecordingUpstream['script'] = async (request, connection) => {
    await request.whole();
    asked++;
    if (asked > 1) connection.write(ok(`answer ${asked}`));
  };
  slow.script = script;
  fast.script = script;
  return { asked: () => asked };
}

describe('hedging', () => {
  it('the second try answers while the first hangs', async () => {
    const { asked } = hangFirst();
    const answer = await get(gateway.port, '/a');
    expect([answer.status, answer.body, asked()]).toEqual([200, 'answer 2', 2]);
  });

  it('cuts the try that lost, and serves on', async () => {
    hangFirst();
    const before = slow.requests.length + fast.requests.length;
    for (let i = 0; i < 5; i++) {
      hangFirst();
      expect((await get(gateway.port, `/b${i}`)).body).toBe('answer 2');
    }
    expect(slow.requests.length + fast.requests.length - before).toBe(10);
    const open = () => {
      const connections = [...slow.requests, ...fast.requests].map(({ connection }) => connection);
      return new Set(connections.filter(({ closed }) => !closed)).size;
    };
    // One idle connection to each backend may be kept.
    await until(() => open() <= 2, 'the hanging connections are closed');
  });

  it('sends one request where the first try answers in time', async () => {
    let asked = 0;
    for (const upstream of [slow, fast]) {
      upstream.script = async (_, connection) => {
        asked++;
        connection.write(ok('at once'));
      };
    }
    expect((await get(gateway.port, '/patient')).body).toBe('at once');
    expect(asked).toBe(1);
  });

  it('does not repeat what is not idempotent', async () => {
    let asked = 0;
    for (const upstream of [slow, fast]) {
      upstream.script = async (request, connection) => {
        await request.whole();
        asked++;
        await new Promise((resolve) => setTimeout(resolve, 200));
        connection.write(ok('slowly'));
      };
    }
    const answer = await rawRequest(gateway.port, `${head('POST /d', 'Content-Length: 2')}ab`);
    expect([answer.status, answer.body, asked]).toEqual([200, 'slowly', 1]);
  });

  it('repeats a body that it has kept', async () => {
    const bodies: string[] = [];
    for (const upstream of [slow, fast]) {
      upstream.script = async (request, connection) => {
        await request.whole();
        bodies.push(request.body);
        if (bodies.length > 1) connection.write(ok('kept'));
      };
    }
    const answer = await rawRequest(gateway.port, `${head('PUT /e', 'Content-Length: 5')}hello`);
    expect([answer.body, bodies]).toEqual(['kept', ['hello', 'hello']]);
  });

  it('takes the hedge when the first try breaks', async () => {
    let asked = 0;
    for (const upstream of [slow, fast]) {
      upstream.script = async (_, connection) => {
        const turn = ++asked;
        await until(() => asked >= 2, 'both were asked');
        if (turn === 1) connection.socket.resetAndDestroy();
        else setTimeout(() => connection.write(ok('the other')), 50);
      };
    }
    expect((await get(gateway.port, '/f')).body).toBe('the other');
  });
});
