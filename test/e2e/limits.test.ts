import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, head, RawClient, rawRequest } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { answering, ok, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Limits as an operator sets them, and small cases of the protocol beside them. */
let upstream: RecordingUpstream;
let gateway: Gateway | undefined;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  upstream.script = answering();
});
afterAll(() => upstream?.stop());

async function start(settings: Record<string, unknown> = {}): Promise<number> {
  gateway = await startGateway({ files: forwardAll(upstream.port), settings });
  return gateway.port;
}

describe('pool', () => {
  it('requests beyond connections and queue get 503, those in the queue are served', async () => {
    const port = await start({ pool: { connectionsPerEndpoint: 1, pendingPerEndpoint: 1 } });
    const held: (() => void)[] = [];
    upstream.script = async (_, connection) => {
      await new Promise<void>((resolve) => held.push(resolve));
      connection.write(ok());
    };
    const first = get(port, '/first');
    await until(() => held.length === 1, 'the first request is at the backend');
    const others = Array.from({ length: 3 }, (_, i) => get(port, `/other/${i}`));
    const statuses: number[] = [];
    for (const other of others) void other.then(({ status }) => statuses.push(status));
    await until(() => statuses.length === 2, 'two of three are refused');
    expect(statuses).toEqual([503, 503]);
    held[0]!();
    await until(() => held.length === 2, 'the one in the queue is at the backend');
    held[1]!();
    expect((await first).status).toBe(200);
    expect((await Promise.all(others)).map((r) => r.status).sort()).toEqual([200, 503, 503]);
    expect(upstream.connections.filter((connection) => !connection.ended).length).toBeLessThanOrEqual(1);
  });

  it("does not use a connection again after the backend's Connection: close", async () => {
    const port = await start();
    upstream.script = answering('ok', 'Connection: close');
    const client = await RawClient.connect(port);
    client.write(head('GET /a'));
    await client.answers(1);
    const { connection } = upstream.last;
    client.write(head('GET /b'));
    const answers = await client.answers(2);
    expect(upstream.last.connection).not.toBe(connection);
    expect(headerOf(answers[1]!, 'connection')).toBeNull();
    client.destroy();
  });
});

describe('client connections', () => {
  it('are closed after so many requests, and say so', async () => {
    const port = await start({ limits: { requestsPerConnection: 3 } });
    const client = await RawClient.connect(port);
    for (let i = 1; i <= 3; i++) {
      client.write(head(`GET /${i}`));
      const answers = await client.answers(i);
      expect(headerOf(answers[i - 1]!, 'connection')).toBe(i === 3 ? 'close' : null);
    }
    expect(await client.closed()).toBe('end');
    client.destroy();
  });

  it('limits of the head are those that were set', async () => {
    const port = await start({ limits: { headBytes: '4Ki', headers: 10, targetBytes: '1Ki' } });
    const many = Array.from({ length: 12 }, (_, i) => `X-${i}: y`);
    expect((await get(port, '/', ...many)).status).toBe(431);
    expect((await get(port, '/', ...many.slice(0, 8))).status).toBe(200);
    expect((await get(port, '/', `X-A: ${'a'.repeat(5000)}`)).status).toBe(431);
    expect((await get(port, `/${'a'.repeat(1100)}`)).status).toBe(414);
  });

  it('the largest body where no rule says otherwise is the one that was set', async () => {
    const port = await start({ limits: { bodyBytes: '1Ki' } });
    const post = (size: number) => `${head('POST /', `Content-Length: ${size}`)}${'x'.repeat(size)}`;
    expect((await rawRequest(port, post(1024))).status).toBe(200);
    expect((await rawRequest(port, post(1025))).status).toBe(413);
  });
});

describe('small cases', () => {
  it('a POST without a body keeps Content-Length: 0', async () => {
    const port = await start();
    expect((await rawRequest(port, head('POST /zero', 'Content-Length: 0'))).status).toBe(200);
    expect(upstream.last.header('content-length')).toBe('0');
  });

  it('a GET without a body gets no framing', async () => {
    const port = await start();
    await get(port, '/none');
    expect(upstream.last.header('content-length')).toBeNull();
    expect(upstream.last.header('transfer-encoding')).toBeNull();
  });

  it('OPTIONS * is answered, and the connection goes on', async () => {
    const port = await start();
    const client = await RawClient.connect(port);
    client.write('OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    const answer = await client.answer('OPTIONS');
    expect([200, 204, 400, 404]).toContain(answer.status);
    client.destroy();
    expect((await get(port, '/next')).status).toBe(200);
  });

  it('HEAD answered with a chunked head has no body', async () => {
    const port = await start();
    upstream.script = async (request, connection) => {
      await request.whole();
      const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
      connection.write(request.method === 'HEAD' ? chunked : ok('next'));
    };
    const client = await RawClient.connect(port);
    client.write(head('HEAD /head') + head('GET /next'));
    expect((await client.answers(2, ['HEAD', 'GET']))[1]?.body).toBe('next');
    client.destroy();
  });

  it('methods that nobody knows are forwarded as they are', async () => {
    const port = await start();
    expect((await rawRequest(port, head('M-SEARCH /x'))).status).toBe(200);
    expect(upstream.last.method).toBe('M-SEARCH');
  });

  it('cookies in several lines and set-cookies in several lines stay apart', async () => {
    const port = await start();
    upstream.script = answering(
      'ok',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2; Expires=Wed, 09 Jun 2021 10:18:14 GMT',
    );
    const answer = await get(port, '/cookies', 'Cookie: c=3', 'Cookie: d=4');
    expect(answer.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)).toEqual([
      'a=1',
      'b=2; Expires=Wed, 09 Jun 2021 10:18:14 GMT',
    ]);
    expect(upstream.last.head.headers.filter(([name]) => name === 'cookie')).toHaveLength(2);
  });
});
