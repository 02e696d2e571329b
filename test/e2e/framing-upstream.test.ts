import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import type { ParsedResponse } from './support/http-text.ts';
import { get, head, RawClient, rawRequest, rawUntilClose } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { freshMarker } from './support/smuggling.ts';
import { answering, ok, play, RecordingUpstream, type Step } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Backends that lie about where their answer ends: no byte of one answer may become part of another. */
let good: RecordingUpstream;
let bad: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  good = await RecordingUpstream.start(answering('good'));
  bad = await RecordingUpstream.start();
  gateway = await startGateway({
    files: { 'route.yaml': route('all', [forward('/bad', bad.port), forward('/', good.port)]) },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await good?.stop();
  await bad?.stop();
});

/** The next request to `/bad` gets these steps, those after it an honest answer. */
function once(...steps: readonly Step[]): void {
  let used = false;
  bad.script = async (request, connection) => {
    await request.whole();
    if (used) return connection.write(ok('honest'));
    used = true;
    await play(connection, steps);
  };
}

/** After a strange answer the next one is whole and clean. */
async function expectHonest(): Promise<void> {
  const answer = await get(gateway.port, '/bad/next');
  expect([answer.status, answer.body]).toEqual([200, 'honest']);
}

async function badAnswer(...steps: readonly Step[]): Promise<ParsedResponse> {
  once(...steps);
  return get(gateway.port, '/bad');
}

function refused(name: string, ...steps: readonly Step[]): void {
  it(name, async () => {
    const answer = await badAnswer(...steps);
    expect(answer.status, JSON.stringify(answer)).toBe(502);
    expect(answer.body).not.toContain('127.0.0.1');
    await expectHonest();
  });
}

describe('a head that is refused with 502', () => {
  refused(
    'both framings',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  refused('two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd');
  refused('a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd');
  refused('a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc');
  refused('a length of twenty digits', 'HTTP/1.1 200 OK\r\nContent-Length: 12345678901234567890\r\n\r\nabc');
  refused('two codings', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n');
  refused('an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nabc', 'END');
  refused(
    'chunked, then another',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    'END',
  );
  refused('no status', 'HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n');
  refused('a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n');
  refused('status 99', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n');
  refused('another version', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n');
  refused('no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n');
  refused('bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'END');
  refused(
    'a bare CR in a value',
    'HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n',
  );
  refused('NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: b\0\r\nContent-Length: 0\r\n\r\n');
  refused('a folded line', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n');
  refused('space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n');
  refused('an empty name', 'HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n');
  refused(
    'too many headers',
    `HTTP/1.1 200 OK\r\n${Array.from({ length: 5000 }, (_, i) => `X-${i}: y\r\n`).join('')}Content-Length: 0\r\n\r\n`,
  );
  refused('a header of 1 MB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(1 << 20)}\r\nContent-Length: 0\r\n\r\n`);
  refused('a flood of 1xx', 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n'.repeat(10_000), ok('late'));
  refused(
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  );
  refused('204 with chunked', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  refused('close within the head', 'HTTP/1.1 200 OK\r\nContent-Le', 'END');
});

describe('no answer at all', () => {
  for (const [name, step] of [
    ['close', 'END'],
    ['reset', 'RESET'],
  ] as const) {
    it(`${name}: 502 to a request that may have had an effect`, async () => {
      once(step);
      const answer = await rawRequest(gateway.port, `${head('POST /bad', 'Content-Length: 3')}abc`);
      expect(answer.status).toBe(502);
      await expectHonest();
    });

    it(`${name}: an idempotent request on a used connection is tried once more`, async () => {
      await expectHonest();
      const before = bad.requests.length;
      expect((await badAnswer(step)).body).toBe('honest');
      expect(bad.requests.length - before).toBe(2);
    });
  }
});

describe('an answer that breaks in its body', () => {
  async function expectCut(...steps: readonly Step[]): Promise<void> {
    once(...steps);
    const answer = await rawUntilClose(gateway.port, head('GET /bad'));
    const response = answer.responses[0];
    // Refused as a whole, or visibly cut: never a short success.
    if (response?.status !== 502) expect(response?.complete, JSON.stringify(answer.text)).not.toBe(true);
    expect(answer.responses.length).toBeLessThanOrEqual(1);
    if (response?.untilClose === true) expect(answer.ending).toBe('reset');
    await expectHonest();
  }

  it('closed in mid-body of a known length', () =>
    expectCut('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'END'));
  it('closed in mid-chunk', () =>
    expectCut('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', 'END'));
  it('closed between chunks', () =>
    expectCut('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', { pauseMs: 50 }, 'END'));
  it('closed before the end of the trailers', () =>
    expectCut(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n',
      { pauseMs: 50 },
      'END',
    ));
  it('reset in a body that ends with the connection', () =>
    expectCut('HTTP/1.1 200 OK\r\n\r\nabc', { pauseMs: 50 }, 'RESET'));
  for (const size of ['0x3', '+3', '-3', ' 3', '3_', '11111111111111111', '']) {
    it(`chunk size ${JSON.stringify(size)}`, () =>
      expectCut(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nabc\r\n0\r\n\r\n`));
  }
  it('chunk without CRLF', () =>
    expectCut('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n'));
  it('trailers over their limit', () =>
    expectCut(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ${'b'.repeat(1 << 20)}\r\n\r\n`,
    ));

  it('a body until the end of the connection is whole', async () => {
    const answer = await badAnswer('HTTP/1.1 200 OK\r\n\r\nabc', { pauseMs: 20 }, 'def', 'END');
    expect([answer.status, answer.body]).toEqual([200, 'abcdef']);
  });
});

describe('bytes where none belong', () => {
  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

  async function expectNoPoison(
    first: string,
    expected: readonly [number, string],
    method = 'GET',
  ): Promise<void> {
    once(first + poison);
    const client = await RawClient.connect(gateway.port);
    client.write(head(`${method} /bad`));
    const answer = await client.answer(method);
    expect([answer.status, answer.body]).toEqual(expected);
    const { connection } = bad.last;
    await until(() => connection.ended, 'the connection is discarded');
    client.write(head('GET /bad/after'));
    await until(() => client.text.endsWith('honest') || client.ending !== 'open', 'the next answer is there');
    expect(client.text).not.toContain('poison');
    client.destroy();
    await expectHonest();
  }

  it('after an answer', () => expectNoPoison(ok('first'), [200, 'first']));
  it('204 with a body', () => expectNoPoison('HTTP/1.1 204 No Content\r\n\r\n', [204, '']));
  it('304 with a body', () =>
    expectNoPoison('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nabcde', [304, '']));
  it('HEAD with a body', () => expectNoPoison(ok('abcde'), [200, ''], 'HEAD'));
  it('after the last chunk', () =>
    expectNoPoison('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', [
      200,
      'abc',
    ]));

  it('on an idle connection: it is discarded', async () => {
    once(ok('first'));
    expect((await get(gateway.port, '/bad/idle')).body).toBe('first');
    const connection = bad.last.connection;
    connection.write(poison);
    await until(() => connection.ended, 'the gateway discards the connection');
    await expectHonest();
    expect(bad.last.connection).not.toBe(connection);
  });
});

describe('what is only strange', () => {
  it('gzip named a thousand times goes on as it is, or is refused', async () => {
    const coding = Array.from({ length: 1000 }, () => 'gzip').join(', ');
    const answer = await badAnswer(
      `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: 3\r\n\r\nabc`,
    );
    expect([200, 502]).toContain(answer.status);
    await expectHonest();
  });

  it('hop-by-hop fields of an answer stay at this hop', async () => {
    const marker = freshMarker();
    const answer = await badAnswer(
      `HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: ${marker}\r\nKeep-Alive: timeout=77\r\n` +
        `Proxy-Authenticate: Basic\r\nProxy-Connection: x\r\nUpgrade: h2\r\nX-End: to-end\r\nContent-Length: 0\r\n\r\n`,
    );
    const names = answer.headers.map(([name]) => name);
    for (const name of ['x-hop', 'proxy-connection', 'upgrade']) expect(names).not.toContain(name);
    expect(answer.headers).not.toContainEqual(['keep-alive', 'timeout=77']);
    expect(answer.headers).toContainEqual(['x-end', 'to-end']);
  });

  it('an HTTP/1.0 answer is framed anew', async () => {
    const answer = await badAnswer('HTTP/1.0 200 OK\r\n\r\nabc', 'END');
    expect([answer.status, answer.body]).toEqual([200, 'abc']);
    expect(answer.startLine).toMatch(/^HTTP\/1\.1 /);
  });

  it('an answer in single bytes is the same answer', async () => {
    const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n';
    const steps = [...bytes].flatMap((byte): Step[] => [byte, { pauseMs: 1 }]);
    expect((await badAnswer(...steps)).body).toBe('abc');
    await expectHonest();
  });
});
