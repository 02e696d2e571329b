import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf, type ParsedResponse } from './support/http-text.ts';
import { get, head, RawClient, rawRequest, rawUntilClose } from './support/raw-client.ts';
import { backend, forward, prefix, route } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { answering, ok, RecordingUpstream } from './support/upstream.ts';
import { sleep, until } from './support/wait.ts';

/**
 * Only what happens is asserted, never when. The time-outs are short, and yet longer than a busy machine keeps a program waiting: what
 * has to come in time does.
 */
let upstream: RecordingUpstream;
let gateway: Gateway;
let closedPort: number;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  const parked = await RecordingUpstream.start();
  closedPort = parked.port;
  await parked.stop();
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        forward('/', upstream.port),
        forward('/request', upstream.port, { timeouts: { request: '1s' } }),
        forward('/backend', upstream.port, { timeouts: { backend: '1s' } }),
        forward('/idle', upstream.port, { timeouts: { idle: '1s' } }),
        forward('/refused', closedPort),
        { ...prefix('/empty'), backends: [{ service: { name: 'empty', port: 80 } }] },
        { ...prefix('/missing'), backends: [{ service: { name: 'missing', port: 80 } }] },
        { ...prefix('/weightless'), backends: [{ ...backend(upstream.port), weight: 0 }] },
      ]),
      'empty.yaml': [
        'apiVersion: v1\nkind: Service\nmetadata: { name: empty, namespace: default }',
        'spec: { ports: [{ port: 80, targetPort: 8080 }] }\n---',
        'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice',
        'metadata: { name: empty-1, namespace: default, labels: { kubernetes.io/service-name: empty } }',
        'addressType: IPv4\nports: [{ port: 8080 }]\nendpoints: []\n',
      ].join('\n'),
    },
    settings: {
      timeouts: { head: '1s', idle: '1s', bodyIdle: '4s', connect: '5s', tunnelIdle: '1s' },
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe('the client is slow', () => {
  it('a head that does not end: 408, then close', async () => {
    const answer = await rawUntilClose(gateway.port, 'GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ');
    expect(answer.responses.map((r) => r.status)).toEqual([408]);
  });

  it('a head that comes byte by byte has no more time than another', async () => {
    const client = await RawClient.connect(gateway.port);
    const drip = (async () => {
      for (let i = 0; i < 2000 && client.ending === 'open'; i++) {
        client.write(i === 0 ? 'GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ' : 'x');
        await sleep(20);
      }
    })();
    await client.closed();
    await drip;
    expect(client.responses().map((r) => r.status)).toEqual([408]);
    client.destroy();
  });

  it('a connection that says nothing is closed', async () => {
    const client = await RawClient.connect(gateway.port);
    await client.closed();
    expect(client.responses().filter((r) => r.status !== 408)).toEqual([]);
  });

  it('an idle keep-alive connection is closed without an answer', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /'));
    await client.answer();
    expect(await client.closed()).toBe('end');
    expect(client.responses()).toHaveLength(1);
    client.destroy();
  });

  it('a body that stops: 408, and the request at the backend is cut', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(`${head('POST /stalled', 'Content-Length: 100')}abc`);
    await client.closed();
    expect(client.responses(['POST']).map((r) => r.status)).toEqual([408]);
    const request = requestFor(upstream, '/stalled')!;
    await until(() => request.connection.ended, 'the request is cut');
    expect(request.message.complete).toBe(false);
    client.destroy();
  });
});

describe('the backend is slow', () => {
  async function silent(target: string): Promise<ParsedResponse> {
    upstream.script = () => undefined;
    const answer = await get(gateway.port, target);
    const request = requestFor(upstream, target)!;
    await until(() => request.connection.ended, 'the request at the backend is cancelled');
    upstream.script = answering();
    return answer;
  }

  it('request time-out before the head: 504', async () =>
    expect((await silent('/request/a')).status).toBe(504));
  it('backend time-out: 504', async () => expect((await silent('/backend/a')).status).toBe(504));

  it('request time-out in the body: the answer is cut, never short', async () => {
    upstream.script = (_, connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    const answer = await rawUntilClose(gateway.port, head('GET /request/body'));
    expect(answer.responses.map((r) => [r.status, r.complete])).toEqual([[200, false]]);
    upstream.script = answering();
  });

  it('the backend time-out ends with the head of the answer', async () => {
    upstream.script = async (_, connection) => {
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc');
      await sleep(1500);
      connection.write('def');
    };
    expect((await get(gateway.port, '/backend/slow-body')).body).toBe('abcdef');
    upstream.script = answering();
  });

  it('an answer that stops: cut', async () => {
    upstream.script = (_, connection) =>
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    const answer = await rawUntilClose(gateway.port, head('GET /idle/a'));
    expect(answer.responses.map((r) => [r.status, r.complete])).toEqual([[200, false]]);
    upstream.script = answering();
  });

  it('a tunnel without a byte is closed', async () => {
    upstream.script = (_, connection) =>
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /tunnel', 'Connection: Upgrade', 'Upgrade: echo'));
    expect((await client.answer()).status).toBe(101);
    await client.closed();
    await until(() => requestFor(upstream, '/tunnel')!.connection.ended, 'the backend side is closed');
    client.destroy();
    upstream.script = answering();
  });
});

describe('the backend is not there', () => {
  it('connection refused: 502', async () => expect((await get(gateway.port, '/refused')).status).toBe(502));
  it('no endpoint: 503', async () => expect((await get(gateway.port, '/empty')).status).toBe(503));
  it('only weights of 0: 503', async () => expect((await get(gateway.port, '/weightless')).status).toBe(503));
  it('no such Service: 500 or 503', async () => {
    expect([500, 503]).toContain((await get(gateway.port, '/missing')).status);
  });

  it('reset before the answer: 502', async () => {
    upstream.script = (_, connection) => {
      connection.socket.resetAndDestroy();
    };
    const bytes = `${head('POST /reset', 'Content-Length: 3')}abc`;
    expect((await rawRequest(gateway.port, bytes)).status).toBe(502);
    upstream.script = answering();
  });
});

describe('errors', () => {
  const SECRETS = /127\.0\.0\.1|ECONN|node:|\.ts\b|at [A-Za-z]+ \(|default\/|GatewayRoute|empty|missing/;

  for (const [target, status] of [
    ['/refused', 502],
    ['/empty', 503],
    ['/%zz', 400],
  ] as const) {
    it(`${status} is problem JSON without internals`, async () => {
      const answer = await get(gateway.port, target);
      expect(answer.status).toBe(status);
      expect(headerOf(answer, 'content-type')).toBe('application/problem+json');
      expect(JSON.parse(answer.body)).toMatchObject({
        status,
        title: expect.any(String),
        detail: expect.any(String),
      });
      expect(JSON.stringify(answer)).not.toMatch(SECRETS);
    });
  }

  it('a backend error answer goes on as it is', async () => {
    upstream.script = (_, connection) =>
      connection.write(ok('my own page').replace('200 OK', '503 Service Unavailable'));
    const answer = await get(gateway.port, '/own-error');
    expect([answer.status, answer.body]).toEqual([503, 'my own page']);
    upstream.script = answering();
  });
});
