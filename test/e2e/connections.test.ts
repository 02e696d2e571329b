import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { head, RawClient, rawRequest, rawUntilClose } from './support/raw-client.ts';
import { forward, prefix, route } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { answering, ok, RecordingUpstream } from './support/upstream.ts';
import { sleep, until } from './support/wait.ts';

/** Keep-alive, pipelining, early answers and clients that leave. */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  gateway = await startGateway({
    files: {
      'route.yaml': route('all', [
        forward('/', upstream.port),
        { ...prefix('/fixed'), respond: { status: 401, body: 'who are you' } },
        {
          ...prefix('/limited'),
          backends: [{ addresses: [`127.0.0.1:${upstream.port}`] }],
          maxBodyBytes: 1000,
        },
      ]),
    },
    settings: { limits: { requestsPerConnection: 0 } },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe('keep-alive', () => {
  it('serves many requests on one connection, and one connection to the backend', async () => {
    upstream.script = answering();
    const before = upstream.connections.length;
    const client = await RawClient.connect(gateway.port);
    for (let i = 1; i <= 50; i++) {
      client.write(head(`GET /keep/${i}`));
      await client.answers(i);
    }
    client.destroy();
    expect(upstream.connections.length - before).toBeLessThanOrEqual(1);
  });

  it('closes after Connection: close', async () => {
    const answer = await rawUntilClose(gateway.port, head('GET /', 'Connection: close'));
    expect(answer.ending).toBe('end');
    expect(headerOf(answer.responses[0]!, 'connection')).toBe('close');
  });

  it('HTTP/1.0 closes unless it asks for keep-alive', async () => {
    const closing = await rawUntilClose(gateway.port, 'GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n');
    expect([closing.ending, closing.responses[0]?.status]).toEqual(['end', 200]);
    const client = await RawClient.connect(gateway.port);
    const bytes = 'GET / HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n';
    client.write(bytes);
    expect(headerOf(await client.answer(), 'connection')).toBe('keep-alive');
    client.write(bytes);
    await client.answers(2);
    client.destroy();
  });

  it('never sends chunks to HTTP/1.0', async () => {
    upstream.script = (_, connection) =>
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    const answer = await rawUntilClose(gateway.port, 'GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n');
    expect(answer.text).not.toMatch(/transfer-encoding/i);
    expect(answer.text.endsWith('\r\n\r\nabc')).toBe(true);
    upstream.script = answering();
  });

  it('survives a backend that closes its idle connection', async () => {
    const client = await RawClient.connect(gateway.port);
    for (let i = 1; i <= 20; i++) {
      client.write(head('GET /closing'));
      await client.answers(i);
      upstream.last.connection.socket.end();
      if (i % 2 === 0) await sleep(5);
    }
    expect(client.responses().map((r) => r.status)).toEqual(Array.from({ length: 20 }, () => 200));
    client.destroy();
  });
});

describe('pipelining', () => {
  it('answers in the order of the requests, whatever the backend does', async () => {
    upstream.script = async (request, connection) => {
      await sleep(request.target === '/order/0' ? 100 : 0);
      connection.write(ok(request.target));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(Array.from({ length: 10 }, (_, i) => head(`GET /order/${i}`)).join(''));
    const answers = await client.answers(10);
    expect(answers.map((r) => r.body)).toEqual(Array.from({ length: 10 }, (_, i) => `/order/${i}`));
    client.destroy();
    upstream.script = answering();
  });

  it('answers 1,000 requests sent at once, in order', async () => {
    upstream.script = (request, connection) => connection.write(ok(request.target));
    const client = await RawClient.connect(gateway.port);
    client.write(Array.from({ length: 1000 }, (_, i) => head(`GET /many/${i}`)).join(''));
    const answers = await client.answers(1000);
    expect(answers.map((r) => r.body)).toEqual(Array.from({ length: 1000 }, (_, i) => `/many/${i}`));
    client.destroy();
    upstream.script = answering();
  });

  it('does not send what follows Connection: close', async () => {
    const bytes = head('GET /last', 'Connection: close') + head('GET /beyond-last');
    const answer = await rawUntilClose(gateway.port, bytes);
    expect(answer.responses).toHaveLength(1);
    expect(requestFor(upstream, '/beyond-last')).toBeNull();
  });

  it('answers what came before a request that is refused, then closes', async () => {
    const bytes = `${head('GET /before-bad')}GET /bad HTTP/1.1\r\nHost : x\r\n\r\n${head('GET /after-bad')}`;
    const answer = await rawUntilClose(gateway.port, bytes);
    expect(answer.responses.map((r) => r.status)).toEqual([200, 400]);
    expect(requestFor(upstream, '/after-bad')).toBeNull();
  });

  it('keeps fixed answers and forwarded ones in order', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /a') + head('GET /fixed') + head('GET /b') + head('GET /fixed'));
    expect((await client.answers(4)).map((r) => r.status)).toEqual([200, 401, 200, 401]);
    client.destroy();
  });
});

describe('early answers with unread bodies', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) {
    it(`${method}: the body is drained, or the connection closed; it is never read as a request`, async () => {
      const body = head('GET /hidden-in-body');
      const bytes =
        head(`${method} /fixed`, `Content-Length: ${body.length}`) + body + head('GET /after-body');
      const client = await RawClient.connect(gateway.port);
      client.write(bytes);
      await until(
        () => client.responses([method, 'GET']).length === 2 || client.ending !== 'open',
        'it goes on or ends',
      );
      const statuses = client.responses([method, 'GET']).map((r) => r.status);
      expect([[401], [401, 200]]).toContainEqual(statuses);
      expect(requestFor(upstream, '/hidden-in-body')).toBeNull();
      client.destroy();
    });
  }

  it('a large unread body does not keep the answer from the client', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('POST /fixed', 'Content-Length: 100000000'));
    client.write('x'.repeat(100_000));
    expect((await client.answer('POST')).status).toBe(401);
    // Nobody reads 100 MB for nothing: after a while the connection is closed.
    const block = 'x'.repeat(10_000);
    while (client.ending === 'open' && client.socket.bytesWritten < 10_000_000)
      await client.writePieces([block], 1);
    await client.closed();
    expect(client.socket.bytesWritten).toBeLessThan(10_000_000);
    client.destroy();
  });

  it('Content-Length over the limit: 413 before the body, nothing at the backend', async () => {
    const answer = await rawRequest(gateway.port, head('POST /limited/a', 'Content-Length: 1001'));
    expect(answer.status).toBe(413);
    expect(requestFor(upstream, '/limited/a')).toBeNull();
  });

  it('chunks over the limit: 413, and no end at the backend', async () => {
    const bytes = `${head('POST /limited/b', 'Transfer-Encoding: chunked')}3ea\r\n${'x'.repeat(1002)}\r\n0\r\n\r\n`;
    const answer = await rawRequest(gateway.port, bytes);
    expect(answer.status).toBe(413);
    expect(requestFor(upstream, '/limited/b')?.message.complete ?? false).toBe(false);
  });

  it("a backend's early answer reaches the client while the body is unfinished", async () => {
    upstream.script = (_, connection) => connection.write(ok('early', 'Connection: close'));
    const client = await RawClient.connect(gateway.port);
    client.write(`${head('POST /early', 'Content-Length: 1000')}abc`);
    const answer = await client.answer('POST');
    expect([answer.status, answer.body]).toEqual([200, 'early']);
    client.destroy();
    upstream.script = answering();
  });
});

describe('clients that leave', () => {
  it('a half-closed client gets its answer', async () => {
    upstream.script = async (request, connection) => {
      await request.whole();
      await sleep(50);
      connection.write(ok('late'));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /half'));
    client.end();
    expect((await client.answer()).body).toBe('late');
    expect(await client.closed()).toBe('end');
    upstream.script = answering();
  });

  it('a half-closed client gets the answers to all that it sent', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /half/1') + head('GET /half/2') + head('GET /half/3'));
    client.end();
    expect((await client.answers(3)).map((r) => r.status)).toEqual([200, 200, 200]);
    expect(await client.closed()).toBe('end');
  });

  it('a body and the end of the sending side may come in one piece', async () => {
    for (const size of [3, 100_000]) {
      const client = await RawClient.connect(gateway.port);
      client.write(`${head('POST /half-post', `Content-Length: ${size}`)}${'x'.repeat(size)}`);
      client.end();
      expect((await client.answer('POST')).status).toBe(200);
      expect(await client.closed()).toBe('end');
    }
  });

  it('a client that resets cancels the request at the backend', async () => {
    upstream.script = () => undefined;
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /cancelled'));
    await until(() => requestFor(upstream, '/cancelled') !== null, 'the request is at the backend');
    client.reset();
    await until(() => requestFor(upstream, '/cancelled')!.connection.ended, 'the backend hears of it');
    upstream.script = answering();
  });

  it('an aborted download frees the backend', async () => {
    upstream.script = (_, connection) => {
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
      connection.write('x'.repeat(10_000_000));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /download'));
    await until(() => client.text.length > 1000, 'the download runs');
    client.reset();
    await until(() => requestFor(upstream, '/download')!.connection.closed, 'the backend is freed');
    upstream.script = answering();
  });
});
