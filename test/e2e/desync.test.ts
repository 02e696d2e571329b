import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { get, head, RawClient, rawRequest, rawUntilClose } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { barrier, expectRefused, freshMarker, requestFor, smuggled } from './support/smuggling.ts';
import { answering, ok, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/**
 * Tricks that made a gateway and its backend disagree about where a request ends, though no single line of them is
 * malformed (CL.0, 0.CL, TE.0, Expect, header names that become others), and what came close to one.
 */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start();
  gateway = await startGateway({ files: forwardAll(upstream.port) });
});
beforeEach(() => {
  upstream.script = answering();
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** The backend gets one request, and the hidden one as its body. */
async function expectInBody(startLine: string, ...lines: string[]): Promise<void> {
  const marker = freshMarker();
  const hidden = smuggled(marker);
  const target = `/carrier-${marker.replace('marker', 'x')}`;
  const bytes = head(`${startLine} ${target}`, ...lines, `Content-Length: ${hidden.length}`) + hidden;
  const answer = await rawRequest(gateway.port, bytes);
  expect(answer.status).toBe(200);
  await barrier(gateway);
  const request = requestFor(upstream, target)!;
  expect(request.header('content-length')).toBe(String(hidden.length));
  expect(request.body).toBe(hidden);
  expect(requestFor(upstream, marker)).toBeNull();
}

describe('a body where few expect one stays a body (CL.0, TE.0)', () => {
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'get']) {
    it(`${method} with Content-Length`, () => expectInBody(method));
  }
  it('GET with Connection: keep-alive that names Content-Length', () =>
    expectInBody('GET', 'Connection: keep-alive, Content-Length'));
  it('POST with Connection: close that names Content-Length', () =>
    expectInBody('POST', 'Connection: close, Content-Length'));
  it('GET with Upgrade', () => expectInBody('GET', 'Connection: Upgrade', 'Upgrade: websocket'));

  for (const method of ['GET', 'OPTIONS', 'HEAD']) {
    it(`${method} in chunks`, async () => {
      const marker = freshMarker();
      const hidden = smuggled(marker);
      const target = `/chunks-${marker.replace('marker', 'x')}`;
      const body = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
      await rawRequest(gateway.port, head(`${method} ${target}`, 'Transfer-Encoding: chunked') + body);
      await barrier(gateway);
      expect(requestFor(upstream, target)?.body).toBe(hidden);
      expect(requestFor(upstream, marker)).toBeNull();
    });
  }

  it('Connection can not take Transfer-Encoding away', async () => {
    const marker = freshMarker();
    const hidden = smuggled(marker);
    const bytes = head('POST /named', 'Connection: Transfer-Encoding', 'Transfer-Encoding: chunked');
    await rawRequest(gateway.port, `${bytes}${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`);
    await barrier(gateway);
    expect(requestFor(upstream, '/named')?.header('transfer-encoding')).toBe('chunked');
    expect(requestFor(upstream, '/named')?.body).toBe(hidden);
    expect(requestFor(upstream, marker)).toBeNull();
  });
});

describe('Expect (0.CL)', () => {
  for (const value of [
    'y 100-continue',
    '100-continue, 100-continue',
    '100-continue;q=1',
    '100-continued',
    '"100-continue"',
    '',
  ]) {
    it(`value ${JSON.stringify(value)}: 417`, async () => {
      const marker = freshMarker();
      const bytes = head('POST /x', `Expect: ${value}`, 'Content-Length: 500') + smuggled(marker);
      await expectRefused(gateway, upstream, { bytes, marker }, [400, 417]);
    });
  }

  it('twice: 417', async () => {
    const marker = freshMarker();
    const lines = ['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 500'];
    const bytes = head('POST /x', ...lines) + smuggled(marker);
    await expectRefused(gateway, upstream, { bytes, marker }, [400, 417]);
  });

  for (const expectation of [['Expect: 100-continue'], []]) {
    it(`a backend that answers before the body ${expectation.length === 0 ? '' : 'it expects'} gets no other request on that connection`, async () => {
      const marker = freshMarker();
      const hidden = smuggled(marker);
      upstream.script = (request, connection) => connection.write(ok(`early ${request.target}`));
      const client = await RawClient.connect(gateway.port);
      client.write(head('POST /early', ...expectation, `Content-Length: ${hidden.length}`));
      const answer = await client.answer('POST');
      expect(answer.body).toBe('early /early');
      const first = requestFor(upstream, '/early')!.connection;
      client.write(hidden);
      const next = await get(gateway.port, '/after-early');
      expect(next.body).toBe('early /after-early');
      expect(requestFor(upstream, '/after-early')!.connection).not.toBe(first);
      await until(() => first.ended, 'the connection with half a request is given up');
      expect(requestFor(upstream, marker)).toBeNull();
      client.destroy();
      upstream.requests.length = 0;
    });
  }
});

describe('names that a backend may read as others', () => {
  for (const name of ['Content_Length', 'Transfer_Encoding', 'Content_Type', 'X_Forwarded_For', 'Host_']) {
    it(`${name} is not forwarded`, async () => {
      const target = `/names-${name.toLowerCase()}`;
      await get(gateway.port, target, `${name}: 5`);
      expect(requestFor(upstream, target)?.header(name.toLowerCase()) ?? null).toBeNull();
    });
  }

  for (const line of [
    'Content-Length\xa0: 5',
    '\xa0Content-Length: 5',
    'Content-Length\xad: 5',
    'Transfer-Encoding\x85: chunked',
    'Transfer-Encoding: \xa0chunked',
    'Transfer-Encoding: chunked\xa0',
    'Transfer-Encoding: \x85chunked',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding: chunked\t',
    'Transfer-Encoding: chunked;',
    'Transfer-Encoding: chunked,,',
    'Transfer-Encoding: ,, chunked',
    'Transfer-Encoding: c\u0068unked chunked',
    'Content-Length:\t5',
    'Content-Length: 5\t',
    'Content-Length: 5 5',
    'Content-Length: ,5',
    'Content-Length: 5,',
    'Content-Length: \xb9',
    'Content-Length: 9007199254740993',
    'Content-Length: 00000000000000000005',
    'Content-Length: Infinity',
    'Content-Length: NaN',
    'Content-Length: 5\x00',
  ]) {
    it(`${JSON.stringify(line)} is refused`, async () => {
      const marker = freshMarker();
      const bytes = head('POST /x', line) + smuggled(marker);
      await expectRefused(gateway, upstream, { bytes, marker }, [400, 413, 501]);
    });
  }

  it('an empty Content-Length before a good one is refused (CVE-2023-40225)', async () => {
    const marker = freshMarker();
    const bytes = `${head('POST /x', 'Content-Length:', 'Content-Length: 5')}hello${smuggled(marker)}`;
    await expectRefused(gateway, upstream, { bytes, marker }, [400]);
  });

  it('a name of 256 octets and more is that name (CVE-2021-40346)', async () => {
    const name = `content-length0${'a'.repeat(256)}`;
    await get(gateway.port, '/long-name', `${name}:`, 'X-After: 1');
    const request = requestFor(upstream, '/long-name')!;
    expect(request.header(name)).toBe('');
    expect(request.header('x-after')).toBe('1');
    expect(request.header('content-length')).toBeNull();
  });
});

describe('targets and hosts', () => {
  const refusedHeads: readonly (readonly string[])[] = [
    ['GET /x HTTP/1.1', 'Host:'],
    ['GET /x HTTP/1.1', 'Host: \t'],
    ['GET /x HTTP/1.1', 'Host: shop.test', 'host: shop.test'],
    ['GET http://shop.test:81/x HTTP/1.1', 'Host: shop.test'],
    ['GET http://shop.test./x HTTP/1.1', 'Host: shop.test'],
    ['GET http:///x HTTP/1.1', 'Host: shop.test'],
    ['GET http:/x HTTP/1.1', 'Host: shop.test'],
    ['GET http://shop.test\\@evil.test/x HTTP/1.1', 'Host: shop.test'],
    ['GET http://shop.test#@evil.test/x HTTP/1.1', 'Host: shop.test'],
    ['GET @evil.test/x HTTP/1.1', 'Host: shop.test'],
    ['GET \\\\evil.test/x HTTP/1.1', 'Host: shop.test'],
    ['GET /x\u00a0HTTP/1.1 HTTP/1.1', 'Host: shop.test'],
    ['GET /x HTTP/1.1\tHTTP/1.0', 'Host: shop.test'],
    ['GET /x HTTP/1.1\x0b', 'Host: shop.test'],
    ['OPTIONS * HTTP/1.1', 'Host: shop.test:99999'],
    ['GET /x HTTP/1.1', 'Host: [::1%25lo]'],
    ['GET /x HTTP/1.1', 'Host: [fe80::1%lo]'],
    ['GET /x HTTP/1.1', 'Host: [1.2.3.4]'],
    ['GET /x HTTP/1.1', 'Host: shop.test:8\xb2'],
  ];
  for (const lines of refusedHeads) {
    it(`${JSON.stringify(lines)} is refused`, async () => {
      const marker = freshMarker();
      const bytes = `${lines.join('\r\n')}\r\n\r\n${smuggled(marker)}`;
      await expectRefused(gateway, upstream, { bytes, marker }, [400, 421, 505]);
    });
  }

  it('two slashes at the start of a target name no host', async () => {
    await get(gateway.port, '//evil.test/double');
    const request = requestFor(upstream, 'double')!;
    expect(request.target).toBe('/evil.test/double');
    expect(request.header('host')).toBe('shop.test');
  });

  it('of several empty lines before a request only the first may pass', async () => {
    const marker = freshMarker();
    await expectRefused(gateway, upstream, { bytes: `\r\n\r\n${smuggled(marker)}`, marker }, [400]);
  });
});

describe('Upgrade to HTTP itself', () => {
  for (const lines of [
    ['Upgrade: websocket', 'Upgrade: h2c'],
    ['Upgrade: H2C'],
    ['Upgrade: websocket,h2c'],
    ['Upgrade: h2c/1'],
    ['Upgrade: h2'],
    ['Upgrade: HTTP/2.0'],
    ['Upgrade: TLS/1.2'],
  ]) {
    it(`${lines.join(' + ')}: forwarded as a plain request or with the other alone`, async () => {
      const target = `/upgrade-${freshMarker()}`;
      await get(
        gateway.port,
        target,
        'Connection: Upgrade, HTTP2-Settings',
        ...lines,
        'HTTP2-Settings: AAMA',
      );
      const upgrade = requestFor(upstream, target)?.header('upgrade') ?? '';
      expect(upgrade).not.toMatch(/h2|http|tls/i);
    });
  }
});

it('a client that sends requests without end and reads nothing is not read from, and costs nobody else', async () => {
  const client = await RawClient.connect(gateway.port, { paused: true });
  const many = head('GET /flood').repeat(1000);
  let blocked = false;
  client.socket.on('drain', () => {
    blocked = false;
  });
  let requests = 0;
  while (!blocked && requests < 2_000_000) {
    blocked = !client.write(many);
    requests += 1000;
    if (blocked) await until(() => !blocked, 'the gateway reads on', 1500).catch(() => undefined);
  }
  expect(blocked).toBe(true);
  await barrier(gateway);
  client.destroy();
});

it('answers what is left after all of this', async () => {
  const answer = await rawUntilClose(gateway.port, head('GET /last', 'Connection: close'));
  expect(answer.responses.map(({ status }) => status)).toEqual([200]);
});
