import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { RouteAction } from '../../src/ir/route.ts';
import { head, RawClient } from '../e2e/support/raw-client.ts';
import { answering, ok, RecordingUpstream, type UpstreamScript } from '../e2e/support/upstream.ts';
import { sleep, until } from '../e2e/support/wait.ts';
import { type Changes, endpointAt, forward, TestDataPlane } from './data-plane.ts';

/** What a connection, a request or a try leaves behind when it ends at an awkward moment. */
const open: { stop?(): unknown; destroy?(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await (one.destroy?.() ?? one.stop?.());
});

async function upstream(script?: UpstreamScript): Promise<RecordingUpstream> {
  const made = await RecordingUpstream.start(script);
  open.push(made);
  return made;
}

async function plane(
  action: RouteAction,
  ports: readonly number[],
  changes?: Changes,
): Promise<TestDataPlane> {
  const made = await TestDataPlane.start(action, ports, changes);
  open.unshift(made);
  return made;
}

async function client(to: TestDataPlane, options?: { paused?: boolean }): Promise<RawClient> {
  const made = await RawClient.connect(to.port, options);
  open.unshift(made);
  return made;
}

const GET = head('GET /');
const HANG: UpstreamScript = () => undefined;
const timeout = (ms: number) => ({ kind: 'after', ms }) as const;

describe('a client that does not read', () => {
  it('is not answered without end', async () => {
    const gateway = await plane({ kind: 'respond', status: 200, headers: [], body: 'x'.repeat(2000) }, []);
    const slow = await client(gateway, { paused: true });
    for (let i = 0; i < 100 && gateway.value('sentBytes') < 20_000_000; i++) {
      slow.write(GET.repeat(500));
      await sleep(5);
    }
    // More than the buffers of both kernels hold waits in the gateway's memory.
    expect(gateway.value('sentBytes')).toBeLessThan(20_000_000);
  });

  it('gets the whole of a last answer, though it does not begin to read for a while', async () => {
    const body = 'x'.repeat(1_000_000);
    const backend = await upstream(answering(body));
    const gateway = await plane(forward(), [backend.port]);
    const slow = await client(gateway, { paused: true });
    slow.write(head('GET /', 'Connection: close'));
    await until(() => gateway.value('requestsInFlight') === 1, 'it has begun');
    await until(() => gateway.value('requestsInFlight') === 0, 'all is written');
    await sleep(3000);
    slow.socket.resume();
    await slow.closed();
    expect([slow.ending, slow.text.length > body.length]).toEqual(['end', true]);
  });
});

describe('a client that half-closes', () => {
  it('early, within the second of two pipelined requests: the connection ends', async () => {
    const backend = await upstream(async (request, connection) => {
      await request.whole();
      await sleep(100);
      connection.write(ok('first'));
    });
    const gateway = await plane(forward(), [backend.port]);
    const one = await client(gateway);
    one.write(`${GET}${head('POST /', 'Content-Length: 10')}abc`);
    one.end();
    await one.closed(3000);
    await until(() => gateway.value('requestsInFlight') === 0, 'nothing is in flight', 3000);
  });

  it('early, within the head of a second request: the connection ends', async () => {
    const backend = await upstream(async (_, connection) => {
      await sleep(100);
      connection.write(ok('first'));
    });
    const gateway = await plane(forward(), [backend.port], { timeouts: { headMs: 60_000 } });
    const one = await client(gateway);
    one.write(`${GET}GET / HT`);
    one.end();
    await one.closed(3000);
  });

  it('before the 101: the backend sees the end, too', async () => {
    const backend = await upstream(async (_, connection) => {
      await sleep(100);
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    });
    const gateway = await plane(forward(), [backend.port]);
    const one = await client(gateway);
    one.write(`${head('GET /', 'Connection: Upgrade', 'Upgrade: echo')}early`);
    one.end();
    await until(() => backend.connections[0]?.text.endsWith('early') === true, 'the bytes arrive', 3000);
    await until(() => backend.connections[0]?.ended === true, 'the backend sees the end', 3000);
  });
});

describe('a tunnel', () => {
  it('whose backend ended first delivers what the client said last', async () => {
    let resume: () => void = () => undefined;
    let last = { got: 0 };
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const mine = { got: 0 };
      last = mine;
      socket.once('data', () => {
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.pause();
        socket.on('data', (chunk) => (mine.got += chunk.length));
        resume = () => socket.resume();
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ stop: () => server.close() });
    const gateway = await plane(forward(), [(server.address() as net.AddressInfo).port]);
    const begin = async (): Promise<{ one: RawClient; before: number }> => {
      const one = await client(gateway);
      one.write(head('GET /', 'Connection: Upgrade', 'Upgrade: echo'));
      await until(() => one.ending === 'end', 'the backend has ended its side');
      return { one, before: gateway.value('receivedBytes') };
    };
    // How much goes in while nobody reads.
    const probe = await begin();
    probe.one.write(Buffer.alloc(16_000_000));
    await sleep(500);
    const room = gateway.value('receivedBytes') - probe.before;
    probe.one.destroy();
    resume();
    for (let less = 0; less <= 160_000; less += 20_000) {
      const { one } = await begin();
      one.write(Buffer.alloc(room - less));
      one.end();
      await sleep(100);
      resume();
      await until(() => gateway.value('tunnelsOpen') === 0, 'the tunnel is closed');
      await until(() => last.got >= room - less, 'the backend has all of it');
      expect(last.got).toBe(room - less);
    }
  });
});

describe('waiting for a connection', () => {
  it('those who gave up take no place in the queue', async () => {
    const backend = await upstream(HANG);
    const gateway = await plane(forward({ backendTimeout: timeout(100) }), [backend.port], {
      pool: { maxConnectionsPerEndpoint: 1, maxPendingPerEndpoint: 2 },
    });
    gateway.apply(forward(), [backend.port]);
    const first = await client(gateway);
    first.write(GET);
    await until(() => backend.requests.length === 1, 'the only connection is taken');
    gateway.apply(forward({ backendTimeout: timeout(100) }), [backend.port]);
    for (let i = 0; i < 2; i++) {
      const waiting = await client(gateway);
      waiting.write(GET);
      expect((await waiting.answer()).status).toBe(504);
    }
    expect(gateway.value('upstreamRequestsPending')).toBe(0);
    const next = await client(gateway);
    next.write(GET);
    expect((await next.answer()).status).toBe(504);
  });
});

describe('hedging', () => {
  it('ends with the request time-out when the try timed out and the hedge hangs', async () => {
    const [a, b] = [await upstream(HANG), await upstream(HANG)];
    const action = forward({
      hedge: { afterMs: 50 },
      backendTimeout: timeout(150),
      requestTimeout: timeout(500),
    });
    const gateway = await plane(action, [a.port, b.port]);
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer('GET', 3000)).status).toBe(504);
  });

  it('a first try that still waits in a queue does not come back to life', async () => {
    // Endpoint A has one connection, and it is taken; B is busy until it is free again.
    let free: (() => void) | null = null;
    let busy = true;
    const a = await upstream(async (request, connection) => {
      if (request.target === '/hold') await new Promise<void>((resolve) => (free = resolve));
      connection.write(ok(`a ${request.target}`));
    });
    const b = await upstream((_, connection) => {
      connection.write(busy ? 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n' : ok('b'));
    });
    const retry = {
      attempts: 5,
      when: [{ status: 503 }],
      backoff: { kind: 'linear', baseMs: 1, maxMs: 1 },
      budget: 1,
    } as const;
    const gateway = await plane(forward(), [a.port], { pool: { maxConnectionsPerEndpoint: 1 } });
    const holder = await client(gateway);
    holder.write(head('GET /hold'));
    await until(() => free !== null, 'the only connection is taken');
    gateway.apply(forward({ hedge: { afterMs: 50 }, retry }), [a.port, b.port]);
    const clients = [await client(gateway), await client(gateway)];
    for (const one of clients) one.write(head('GET /x'));
    await sleep(300);
    busy = false;
    free!();
    await holder.answer();
    for (const one of clients) expect((await one.answer()).status).toBe(200);
    await sleep(100);
    for (const one of clients) {
      one.write(head('GET /second'));
      expect(['a /second', 'b']).toContain((await one.answers(2))[1]!.body);
      await sleep(50);
      expect(one.responses()).toHaveLength(2);
    }
    expect(a.requests.filter(({ target }) => target === '/x').length).toBeLessThanOrEqual(2);
    expect(gateway.gauges()).toMatchObject({ inFlight: 0, pending: 0 });
    expect(gateway.value('upstreamConnectionsIdle')).toBe(gateway.value('upstreamConnectionsOpen'));
  });
});

describe('answers that come early', () => {
  it('to a client that waits for 100 close the connection: its body may never come', async () => {
    const backend = await upstream((_, connection) => {
      connection.write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
    });
    const gateway = await plane(forward(), [backend.port]);
    const one = await client(gateway);
    one.write(head('POST /', 'Expect: 100-continue', 'Content-Length: 5'));
    const answer = await one.answer('POST');
    expect(answer.headers).toContainEqual(['connection', 'close']);
  });
});

describe('a drain', () => {
  it('counts requests that it cut, not connections that were closing anyway', async () => {
    const gateway = await plane({ kind: 'respond', status: 200, headers: [], body: 'x' }, []);
    const one = await client(gateway);
    one.write(head('GET /', 'Connection: close'));
    await one.answer();
    expect(await gateway.drain(300)).toBe(0);
  });
});

describe('policies that wait', () => {
  it('a request whose time was over while a policy waited is not sent once it lets go', async () => {
    const backend = await upstream(answering());
    const gateway = await plane(forward({ requestTimeout: timeout(100) }), [backend.port], {
      policies: {
        slow: { onRequest: () => sleep(200), onResponse: () => sleep(400) },
      },
    });
    const one = await client(gateway);
    one.write(GET);
    expect((await one.answer()).status).toBe(504);
    await sleep(300);
    expect([backend.requests.length, one.responses().length]).toEqual([0, 1]);
    expect(gateway.logs).toEqual([]);
  });

  it('run once for the answer, though the refused body goes on coming', async () => {
    const backend = await upstream(HANG);
    let answers = 0;
    const gateway = await plane(forward({ maxBodyBytes: 10 }), [backend.port], {
      policies: {
        slow: {
          onResponse: () => {
            answers++;
            return sleep(200);
          },
        },
      },
    });
    const one = await client(gateway);
    one.write(head('POST /', 'Transfer-Encoding: chunked'));
    await until(() => backend.requests.length === 1, 'the backend is asked');
    for (let i = 0; i < 5; i++) {
      one.write('8\r\n12345678\r\n');
      await sleep(20);
    }
    expect((await one.answer('POST')).status).toBe(413);
    expect(answers).toBe(1);
  });

  it('a reply that can not be sent costs its request only', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
    try {
      const gateway = await plane(forward(), [], {
        policies: {
          odd: {
            onRequest: async () => {
              await sleep(1);
              return { status: 200, headers: null as unknown as [], body: '' };
            },
          },
        },
      });
      const one = await client(gateway);
      one.write(GET);
      expect((await one.answer('GET', 2000)).status).toBeGreaterThanOrEqual(200);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
      process.off('uncaughtException', note);
    }
  });

  it('can not split the answer by the header of a reply', async () => {
    const gateway = await plane(forward(), [], {
      policies: {
        login: {
          onRequest: ({ request }) => ({
            status: 302,
            headers: [['location', `https://login.test/?to=${request.queryParam('to')}`]],
            body: '',
          }),
        },
      },
    });
    const one = await client(gateway);
    one.write(head('GET /?to=%0d%0aSet-Cookie:%20a=b'));
    one.write(head('GET /?to=%C4%8D%C4%8ASet-Cookie:%20a=b'));
    await sleep(200);
    expect(one.text.toLowerCase()).not.toContain('\r\nset-cookie');
  });

  it('an answer that they removed a header from does not have it as a trailer', async () => {
    const backend = await upstream((_, connection) => {
      connection.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Inner: 1\r\n\r\n1\r\na\r\n0\r\nX-Inner: 2\r\n\r\n',
      );
    });
    const gateway = await plane(forward(), [backend.port], {
      policies: { strip: { onResponse: ({ response }) => response.removeHeader('x-inner') } },
    });
    const one = await client(gateway);
    one.write(head('GET /', 'TE: trailers', 'Connection: TE'));
    const answer = await one.answer();
    expect([answer.body, answer.headers.some(([n]) => n === 'x-inner'), answer.trailers]).toEqual([
      'a',
      false,
      [],
    ]);
  });
});

describe('reused connections', () => {
  it('Keep-Alive: timeout=0 is not kept', async () => {
    const backend = await upstream(answering('ok', 'Keep-Alive: timeout=0'));
    const gateway = await plane(forward(), [backend.port]);
    const one = await client(gateway);
    one.write(GET);
    await one.answer();
    await until(() => gateway.value('upstreamConnectionsOpen') === 0, 'the connection is closed', 2000);
  });

  it('endpoint that is removed: the connection closes with its request', async () => {
    const backend = await upstream(async (_, connection) => {
      await sleep(100);
      connection.write(ok());
    });
    const gateway = await plane(forward(), [backend.port]);
    const one = await client(gateway);
    one.write(GET);
    await until(() => backend.requests.length === 1, 'the backend is asked');
    gateway.setEndpoints([endpointAt(1)]);
    expect((await one.answer()).status).toBe(200);
    await until(() => gateway.value('upstreamConnectionsOpen') === 0, 'the connection is closed', 2000);
  });
});
