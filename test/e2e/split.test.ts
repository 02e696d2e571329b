import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, RawClient } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { RecordingUpstream } from './support/upstream.ts';

/** Where the network cuts a message must change nothing. */
let upstream: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await RecordingUpstream.start(async (request, connection) => {
    const { body, trailers } = await request.whole();
    const text = JSON.stringify({ target: request.target, body, trailers });
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  });
  gateway = await startGateway({ files: forwardAll(upstream.port) });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const CHUNKED =
  head('POST /chunked', 'Transfer-Encoding: chunked', 'Connection: X-A', 'X-A: b') +
  '5;e="x"\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n';
const PIPELINED = `${head('GET /one?a=b', 'Accept: */*')}${head('POST /two', 'Content-Length: 4')}body${head('GET /three')}`;

const VALID: readonly (readonly [name: string, bytes: string, answers: readonly object[]])[] = [
  [
    'chunked with trailers',
    CHUNKED,
    [{ target: '/chunked', body: 'hello world', trailers: [['x-sum', '1']] }],
  ],
  [
    'three pipelined requests',
    PIPELINED,
    [
      { target: '/one?a=b', body: '', trailers: [] },
      { target: '/two', body: 'body', trailers: [] },
      { target: '/three', body: '', trailers: [] },
    ],
  ],
];

async function send(pieces: readonly string[], count: number): Promise<{ status: number; body: string }[]> {
  const client = await RawClient.connect(gateway.port);
  try {
    await client.writePieces(pieces, 1);
    const answers = await client.answers(count);
    return answers.map(({ status, body }) => ({ status, body }));
  } finally {
    client.destroy();
  }
}

describe('split in two at every byte', () => {
  for (const [name, bytes, expected] of VALID) {
    it(name, async () => {
      const wanted = expected.map((body) => ({ status: 200, body: JSON.stringify(body) }));
      for (let from = 1; from < bytes.length; from += 16) {
        const cuts = Array.from({ length: Math.min(16, bytes.length - from) }, (_, i) => from + i);
        const all = await Promise.all(
          cuts.map((at) => send([bytes.slice(0, at), bytes.slice(at)], expected.length)),
        );
        for (const [i, got] of all.entries()) expect(got, `cut at ${cuts[i]}`).toEqual(wanted);
      }
    });

    it(`${name}, one byte at a time`, async () => {
      const wanted = expected.map((body) => ({ status: 200, body: JSON.stringify(body) }));
      expect(await send([...bytes], expected.length)).toEqual(wanted);
    });
  }

  it('a refused head is refused at every cut', async () => {
    const bytes = head('POST /refused', 'Content-Length: 5', 'Transfer-Encoding: chunked').concat(
      '0\r\n\r\n',
    );
    for (let from = 1; from < bytes.length; from += 16) {
      const cuts = Array.from({ length: Math.min(16, bytes.length - from) }, (_, i) => from + i);
      const all = await Promise.all(
        cuts.map(async (at) => {
          const client = await RawClient.connect(gateway.port);
          await client.writePieces([bytes.slice(0, at), bytes.slice(at)], 1);
          await client.closed();
          client.destroy();
          return client.responses().map((r) => r.status);
        }),
      );
      for (const [i, got] of all.entries()) expect(got, `cut at ${cuts[i]}`).toEqual([400]);
    }
    expect(upstream.requests.filter((r) => r.target === '/refused')).toEqual([]);
  });
});
