import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, head, RawClient, rawRequest } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { answering, ok, playing, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Expect, interim answers, trailers, answers without a body, streams. */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  gateway = await startGateway({ files: forwardAll(upstream.port) });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe('Expect: 100-continue', () => {
  it('the client hears 100 before it sends the body', async () => {
    upstream.script = async (request, connection) => {
      if (request.header('expect') !== null) connection.write('HTTP/1.1 100 Continue\r\n\r\n');
      await request.whole();
      connection.write(ok(request.body));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(head('POST /expect', 'Expect: 100-continue', 'Content-Length: 5'));
    await until(() => client.text.includes('\r\n\r\n'), '100 is there');
    expect(client.text).toMatch(/^HTTP\/1\.1 100 /);
    client.write('hello');
    const answer = await client.answer('POST');
    expect([answer.status, answer.body]).toEqual([200, 'hello']);
    expect(client.responses(['POST']).filter((r) => r.status === 100)).toHaveLength(1);
    client.destroy();
  });

  it('a final answer in its place reaches the client, and the unsent body is not awaited', async () => {
    upstream.script = (_, connection) =>
      connection.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    const client = await RawClient.connect(gateway.port);
    client.write(head('POST /expect-refused', 'Expect: 100-continue', 'Content-Length: 5'));
    const finals = await client.answers(1, ['POST']);
    expect(finals.map((r) => r.status)).toEqual([403]);
    client.destroy();
  });

  it('a client that does not wait is served', async () => {
    upstream.script = async (request, connection) => {
      await request.whole();
      connection.write(ok(request.body));
    };
    const answer = await rawRequest(
      gateway.port,
      `${head('POST /impatient', 'Expect: 100-continue', 'Content-Length: 5')}hello`,
    );
    expect([answer.status, answer.body]).toEqual([200, 'hello']);
  });

  it('HTTP/1.0 never gets an interim answer', async () => {
    upstream.script = playing('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n', ok('done'));
    const client = await RawClient.connect(gateway.port);
    client.write(
      'POST /old HTTP/1.0\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab',
    );
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.[01] 200 /);
    client.destroy();
  });
});

describe('interim answers', () => {
  it('103 Early Hints goes on at once, before the final answer exists', async () => {
    let finish = () => undefined as void;
    upstream.script = async (request, connection) => {
      await request.whole();
      connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      connection.write(ok('final'));
    };
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /hints'));
    await until(() => client.text.endsWith('\r\n\r\n'), 'the hints are there');
    const [hints] = client.responses();
    expect([hints?.status, headerOf(hints!, 'link')]).toEqual([103, '</a.css>; rel=preload']);
    finish();
    expect((await client.answer()).body).toBe('final');
    client.destroy();
  });

  it('a few interim answers in one piece with the final one', async () => {
    upstream.script = playing(`${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3)}${ok('final')}`);
    expect((await get(gateway.port, '/few')).body).toBe('final');
  });
});

describe('trailers', () => {
  it('go from client to backend', async () => {
    upstream.script = answering();
    const body = '3\r\nabc\r\n0\r\nX-Sum: 900150983cd24fb0\r\nX-More: yes\r\n\r\n';
    const bytes = head('POST /up', 'Transfer-Encoding: chunked', 'Trailer: X-Sum') + body;
    expect((await rawRequest(gateway.port, bytes)).status).toBe(200);
    expect((await requestFor(upstream, '/up')!.whole()).trailers).toEqual([
      ['x-sum', '900150983cd24fb0'],
      ['x-more', 'yes'],
    ]);
  });

  it('go from backend to client', async () => {
    upstream.script = playing(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n',
      { pauseMs: 10 },
      '0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: evil=1\r\n\r\n',
    );
    const answer = await get(gateway.port, '/down', 'TE: trailers');
    expect(answer.body).toBe('abc');
    expect(answer.trailers).toContainEqual(['x-sum', '1']);
    expect(answer.trailers.map(([name]) => name)).not.toContain('content-length');
  });
});

describe('answers without a body', () => {
  it('HEAD keeps Content-Length and has no body; the connection goes on', async () => {
    upstream.script = async (request, connection) => {
      await request.whole();
      connection.write(
        request.method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n' : ok('next'),
      );
    };
    const client = await RawClient.connect(gateway.port);
    client.write(head('HEAD /head') + head('GET /next'));
    const answers = await client.answers(2, ['HEAD', 'GET']);
    expect(headerOf(answers[0]!, 'content-length')).toBe('1234');
    expect(answers[1]?.body).toBe('next');
    client.destroy();
  });

  for (const status of ['204 No Content', '304 Not Modified']) {
    it(`${status} has none, and the connection goes on`, async () => {
      upstream.script = async (request, connection) => {
        await request.whole();
        const bare = `HTTP/1.1 ${status}\r\nETag: "a"\r\n\r\n`;
        connection.write(request.target === '/bare' ? bare : ok('next'));
      };
      const client = await RawClient.connect(gateway.port);
      client.write(head('GET /bare') + head('GET /next'));
      const answers = await client.answers(2);
      expect([answers[0]?.status, answers[1]?.body]).toEqual([Number(status.slice(0, 3)), 'next']);
      expect(headerOf(answers[0]!, 'transfer-encoding')).toBeNull();
      client.destroy();
    });
  }

  it('errors of the gateway itself to HEAD have no body', async () => {
    upstream.script = answering('next');
    const client = await RawClient.connect(gateway.port);
    client.write(head('HEAD /%zz') + head('GET /next'));
    const methods = ['HEAD', 'GET'];
    await until(
      () => client.responses(methods).length === 2 || client.ending !== 'open',
      'it goes on or ends',
    );
    const [refused, next] = client.responses(methods);
    expect(refused?.status).toBe(400);
    if (next === undefined) expect(client.text.endsWith('\r\n\r\n')).toBe(true);
    else expect(next.body).toBe('next');
    client.destroy();
  });
});

describe('streams', () => {
  it('server-sent events pass one by one; a client that left is noticed', async () => {
    upstream.script = (_, connection) =>
      connection.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
    const client = await RawClient.connect(gateway.port);
    client.write(head('GET /events', 'Accept: text/event-stream'));
    await until(() => client.text.includes('\r\n\r\n'), 'the head is there before any event');
    const { connection } = requestFor(upstream, '/events')!;
    for (let i = 0; i < 5; i++) {
      connection.write(`9\r\ndata: ${i}\n\n\r\n`);
      await until(() => client.responses()[0]!.body.includes(`data: ${i}\n\n`), `event ${i} is there`);
    }
    client.destroy();
    await until(() => {
      connection.write('8\r\n: ping\n\n\r\n');
      return connection.ended;
    }, 'the backend hears that the client left');
  });

  it('a request body passes piece by piece', async () => {
    upstream.script = answering();
    const client = await RawClient.connect(gateway.port);
    client.write(head('POST /pieces', 'Transfer-Encoding: chunked'));
    for (const word of ['one', 'two', 'three']) {
      client.write(`${word.length.toString(16)}\r\n${word}\r\n`);
      await until(
        () => requestFor(upstream, '/pieces')?.body.endsWith(word) === true,
        `${word} is at the backend`,
      );
    }
    client.write('0\r\n\r\n');
    expect((await client.answer('POST')).status).toBe(200);
    client.destroy();
  });

  it('both directions at once', async () => {
    upstream.script = (_, connection) =>
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    const client = await RawClient.connect(gateway.port);
    client.write(head('POST /duplex', 'Transfer-Encoding: chunked'));
    await until(() => client.text.includes('hello'), 'the answer has begun');
    client.write('5\r\nworld\r\n0\r\n\r\n');
    await until(() => requestFor(upstream, '/duplex')!.message.complete, 'the request is whole');
    expect(requestFor(upstream, '/duplex')!.body).toBe('world');
    requestFor(upstream, '/duplex')!.connection.write('0\r\n\r\n');
    expect((await client.answer('POST')).body).toBe('hello');
    client.destroy();
  });
});
