import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, RawClient, rawRequest } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { barrier, expectRefused, freshMarker, requestFor, smuggled } from './support/smuggling.ts';
import { RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Bodies that go wrong after the head was good: the backend may have the head, never an end, never more. */
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

function chunked(target: string, ...lines: string[]): string {
  return head(`POST ${target}`, 'Transfer-Encoding: chunked', ...lines);
}

/** `body` is what stands where chunks should be. */
function refuseBody(name: string, body: (marker: string) => string): void {
  it(name, async () => {
    const marker = freshMarker();
    const target = `/case-${marker.replace('marker', 'body')}`;
    await expectRefused(
      gateway,
      upstream,
      { bytes: chunked(target) + body(marker), marker },
      [400, 413, 431],
    );
    const request = requestFor(upstream, target);
    if (request === null) return;
    await until(() => request.connection.ended, 'the request at the backend is cut off');
    expect(request.message.complete).toBe(false);
  });
}

describe('chunk size', () => {
  for (const size of ['0x1', '+1', '-1', ' 1', '1_0', '1g', '', ';', 'g', '1.0', '\t1', '"1"', '1 2']) {
    refuseBody(JSON.stringify(size), (marker) => `${size}\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  }
  refuseBody('17 digits', (marker) => `${'1'.repeat(17)}\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody(
    '17 digits that wrap to 1',
    (marker) => `10000000000000001\r\nA\r\n0\r\n\r\n${smuggled(marker)}`,
  );
  refuseBody(
    'a thousand zeros first',
    (marker) => `${'0'.repeat(1000)}1\r\nA\r\n0\r\n\r\n${smuggled(marker)}`,
  );
  refuseBody('ended by LF', (marker) => `1\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('ended by CR', (marker) => `1\rA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('ended by CR CR LF', (marker) => `1\r\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
});

describe('chunk extension', () => {
  refuseBody('with LF', (marker) => `1;a=b\nc\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('with CR', (marker) => `1;a=b\rc\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('with LF in quotes', (marker) => `1;a="b\nc"\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('with NUL', (marker) => `1;a=\0\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('over its limit', (marker) => `1;a=${'b'.repeat(100_000)}\r\nA\r\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody(
    'small, on very many chunks',
    (marker) => `${`1;a=${'b'.repeat(200)}\r\nA\r\n`.repeat(5000)}0\r\n\r\n${smuggled(marker)}`,
  );

  it('is not forwarded', async () => {
    const answer = await rawRequest(
      gateway.port,
      `${chunked('/extension')}3;secret=1\r\nabc\r\n0;last\r\n\r\n`,
    );
    expect(answer.status).toBe(200);
    expect(requestFor(upstream, 'extension')?.body).toBe('abc');
    expect(upstream.text).not.toContain('secret=1');
  });
});

describe('chunk data', () => {
  refuseBody('no CRLF behind it', (marker) => `1\r\nA0\r\n\r\n${smuggled(marker)}`);
  refuseBody('LF behind it', (marker) => `1\r\nA\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('another byte for CR', (marker) => `1\r\nAX\n0\r\n\r\n${smuggled(marker)}`);
  refuseBody('another byte for LF', (marker) => `1\r\nA\rX0\r\n\r\n${smuggled(marker)}`);
  refuseBody('two bytes more than its size', (marker) => `1\r\nABC\r\n0\r\n\r\n${smuggled(marker)}`);
});

describe('trailers', () => {
  refuseBody('ended by LF', (marker) => `1\r\nA\r\n0\r\nX-A: b\n\n${smuggled(marker)}`);
  refuseBody('a bare LF within', (marker) => `1\r\nA\r\n0\r\nX-A: b\nX-B: c\r\n\r\n${smuggled(marker)}`);
  refuseBody('a bare CR within', (marker) => `1\r\nA\r\n0\r\nX-A: b\rX-B: c\r\n\r\n${smuggled(marker)}`);
  refuseBody('an empty name', (marker) => `1\r\nA\r\n0\r\n: b\r\n\r\n${smuggled(marker)}`);
  refuseBody('folded', (marker) => `1\r\nA\r\n0\r\nX-A: b\r\n c\r\n\r\n${smuggled(marker)}`);
  refuseBody(
    'over their limit',
    (marker) => `1\r\nA\r\n0\r\nX-A: ${'b'.repeat(1 << 20)}\r\n\r\n${smuggled(marker)}`,
  );
  refuseBody('the last chunk ended by LF', (marker) => `1\r\nA\r\n0\n\n${smuggled(marker)}`);
  refuseBody('the last chunk ended by CR LF CR X', (marker) => `1\r\nA\r\n0\r\n\rX${smuggled(marker)}`);

  it('drops those that frame, route or authenticate, and keeps the others', async () => {
    const trailers = [
      'Content-Length: 99',
      'Host: evil.test',
      'Transfer-Encoding: chunked',
      'Authorization: Basic evil',
      'Connection: X-Checksum',
      'Cookie: evil=1',
      'X-Forwarded-For: 6.6.6.6',
      'X-Checksum: good',
    ];
    const body = `1\r\nA\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`;
    const answer = await rawRequest(
      gateway.port,
      chunked('/trailers', 'TE: trailers', 'Trailer: X-Checksum') + body,
    );
    expect(answer.status).toBe(200);
    const message = await requestFor(upstream, '/trailers')!.whole();
    expect(message.body).toBe('A');
    expect(message.trailers).toEqual([['x-checksum', 'good']]);
    expect(upstream.text).not.toContain('evil');
    expect(upstream.text).not.toContain('6.6.6.6');
  });
});

describe('length', () => {
  it('keeps a request that is hidden in a body inside that body', async () => {
    const marker = freshMarker();
    const hidden = smuggled(marker);
    const answer = await rawRequest(
      gateway.port,
      head('POST /hidden', `Content-Length: ${hidden.length}`) + hidden,
    );
    expect(answer.status).toBe(200);
    const request = requestFor(upstream, '/hidden')!;
    expect(request.body).toBe(hidden);
    expect(requestFor(upstream, marker)).toBeNull();
  });

  it('reads what follows a body as the next request', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(`${head('POST /first-of-two', 'Content-Length: 3')}abc${head('GET /second-of-two')}`);
    expect((await client.answers(2)).map((r) => r.status)).toEqual([200, 200]);
    client.destroy();
    expect(requestFor(upstream, '/first-of-two')?.body).toBe('abc');
    expect(requestFor(upstream, '/second-of-two')?.method).toBe('GET');
  });

  it('cuts the request at the backend when the client leaves within the body', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(`${head('POST /left-early', 'Content-Length: 100')}abc`);
    await until(
      () => requestFor(upstream, '/left-early')?.body === 'abc',
      'the first bytes are at the backend',
    );
    client.reset();
    const request = requestFor(upstream, '/left-early')!;
    await until(() => request.connection.ended, 'the request at the backend is cut off');
    expect(request.message.complete).toBe(false);
    await barrier(gateway);
  });

  it('does not end a chunked request at the backend when the client leaves within it', async () => {
    const client = await RawClient.connect(gateway.port);
    client.write(`${chunked('/left-chunked')}3\r\nabc\r\n`);
    await until(
      () => requestFor(upstream, '/left-chunked')?.body === 'abc',
      'the first bytes are at the backend',
    );
    client.end();
    const request = requestFor(upstream, '/left-chunked')!;
    await until(() => request.connection.ended, 'the request at the backend is cut off');
    expect(request.message.complete).toBe(false);
    client.destroy();
  });
});

describe('Upgrade that is neutralised', () => {
  it('with a body: forwarded as a plain request', async () => {
    const bytes = head('POST /upgrade-body', 'Connection: Upgrade', 'Upgrade: x', 'Content-Length: 3');
    const answer = await rawRequest(gateway.port, `${bytes}abc`);
    expect(answer.status).toBe(200);
    const request = requestFor(upstream, '/upgrade-body')!;
    expect(request.header('upgrade')).toBeNull();
    expect(request.body).toBe('abc');
  });

  it('h2c: forwarded as a plain request', async () => {
    const answer = await rawRequest(
      gateway.port,
      head(
        'GET /h2c',
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
      ),
    );
    expect(answer.status).toBe(200);
    const request = requestFor(upstream, '/h2c')!;
    expect(request.header('upgrade')).toBeNull();
    expect(request.header('http2-settings')).toBeNull();
  });

  it('h2c hidden among others: never forwarded', async () => {
    await rawRequest(gateway.port, head('GET /h2c-list', 'Connection: Upgrade', 'Upgrade: websocket, h2c'));
    expect(requestFor(upstream, '/h2c-list')?.header('upgrade') ?? '').not.toContain('h2c');
  });

  it('without Connection: Upgrade it is hop-by-hop and goes', async () => {
    await rawRequest(gateway.port, head('GET /upgrade-unnamed', 'Upgrade: websocket'));
    expect(requestFor(upstream, '/upgrade-unnamed')?.header('upgrade')).toBeNull();
  });
});
