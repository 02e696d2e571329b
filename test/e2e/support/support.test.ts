import { describe, expect, it } from 'vitest';
import { parseResponses } from './http-text.ts';
import { head, RawClient, rawRequest } from './raw-client.ts';
import { answering, ok, playing, RecordingUpstream } from './upstream.ts';
import { until } from './wait.ts';

/** The tools of these tests, tried on one another without a gateway between them. */
describe('parseResponses', () => {
  it('reads interim answers, lengths, chunks and trailers one behind the other', () => {
    const text =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc' +
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-A: b\r\n\r\n' +
      'HTTP/1.1 204 No Content\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab';
    const all = parseResponses(text);
    expect(all.map((r) => [r.status, r.body, r.complete])).toEqual([
      [103, '', true],
      [200, 'abc', true],
      [200, 'abc', true],
      [204, '', true],
      [200, 'ab', false],
    ]);
    expect(all[2]?.trailers).toEqual([['x-a', 'b']]);
  });

  it('throws on what a gateway must never write', () => {
    expect(() => parseResponses('HTTP/1.1 200 OK\r\nA b\r\n\r\n')).toThrow('not a header line');
    expect(() => parseResponses('HTTP/1.1 200\r\n\r\n')).toThrow('not a status line');
    expect(() => parseResponses('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc')).toThrow(
      'chunk',
    );
  });

  it('knows that HEAD has no body', () => {
    expect(parseResponses('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', ['HEAD'])[0]?.complete).toBe(true);
  });
});

describe('client and backend', () => {
  it('keep exactly the bytes that they get', async () => {
    const upstream = await RecordingUpstream.start(answering('hello'));
    const bytes = `${head('POST /x', 'Content-Length: 3', 'X-Latin: \xe9')}\0\xff\x7f`;
    const answer = await rawRequest(upstream.port, bytes);
    expect([answer.status, answer.body]).toEqual([200, 'hello']);
    expect(upstream.text).toBe(bytes);
    expect(upstream.last.body).toBe('\0\xff\x7f');
    await upstream.stop();
  });

  it('play pieces, ends and resets', async () => {
    const upstream = await RecordingUpstream.start(
      playing('HTTP/1.1 200 OK\r\n\r\nab', { pauseMs: 5 }, 'c', 'END'),
    );
    expect((await rawRequest(upstream.port, head('GET /'))).body).toBe('abc');
    upstream.script = playing('RESET');
    const client = await RawClient.connect(upstream.port);
    client.write(head('GET /'));
    expect(await client.closed()).toBe('reset');
    await upstream.stop();
  });

  it('see pipelined requests apart', async () => {
    const upstream = await RecordingUpstream.start((request, connection) =>
      connection.write(ok(request.target)),
    );
    const client = await RawClient.connect(upstream.port);
    await client.writePieces([...(head('GET /a') + head('GET /b'))]);
    expect((await client.answers(2)).map((r) => r.body)).toEqual(['/a', '/b']);
    client.end();
    await until(() => upstream.connections[0]!.closed, 'the end is seen');
    await upstream.stop();
  });
});
