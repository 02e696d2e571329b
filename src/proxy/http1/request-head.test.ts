import { describe, expect, it } from 'vitest';
import { listsName } from './connection.ts';
import { RefusalCode, refusalStatus } from './refusal.ts';
import { parseRequestHead, RequestHead, readRequestHead } from './request-head.ts';
import { accepted, GET, HOST, limits, POST, parse } from './testing.ts';

describe('parseRequestHead', () => {
  it('takes an ordinary request apart', () => {
    const head = accepted('GET /a/b?x=1?&y HTTP/1.1', 'Host: A.example:8080', 'X-One:  two\t', 'Empty:');
    expect(head).toMatchObject({
      method: 'GET',
      target: '/a/b?x=1?&y',
      targetForm: 'origin',
      path: '/a/b',
      query: 'x=1?&y',
      authority: 'A.example:8080',
      host: 'a.example',
      port: 8080,
      minorVersion: 1,
      framing: 'none',
      contentLength: 0,
      keepAlive: true,
      expectContinue: false,
      upgrade: null,
      connectionTokens: '',
    });
    expect(head.fields.count).toBe(3);
    expect(head.fields.value(1)).toBe('two');
    expect(head.fields.value(2)).toBe('');
  });

  it('reads a head in the middle of a buffer', () => {
    const buf = Buffer.from('xxGET /p HTTP/1.1\r\nHost: a\r\n\r\nGET');
    const head = new RequestHead();
    expect(readRequestHead(buf, 2, buf.length - 3, head, limits, null)).toBe(0);
    expect(head).toMatchObject({ path: '/p', host: 'a' });
    expect(head.fields.raw).toBe('Host: a\r\n\r\n');
  });

  it('keeps nothing of the request before', () => {
    const head = new RequestHead();
    const first =
      'POST /a?b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close, x\r\n\r\n';
    const upgrade = 'GET /a?b HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
    for (const before of [first, upgrade]) {
      expect(parseRequestHead(before, head, limits)).toBe(0);
      expect(parseRequestHead('GET /z HTTP/1.0\r\n\r\n', head, limits)).toBe(0);
      expect(head).toMatchObject({
        host: '',
        port: -1,
        query: '',
        framing: 'none',
        contentLength: 0,
        authority: '',
      });
      expect(head).toMatchObject({
        expectContinue: false,
        upgrade: null,
        connectionTokens: '',
        keepAlive: false,
      });
    }
  });

  describe('Connection, Expect and Upgrade', () => {
    it('reads Connection as a list over all its lines', () => {
      const head = accepted(
        GET,
        HOST,
        'Connection: Keep-Alive, X-Forwarded-For ,, Authorization',
        'connection: TE',
      );
      expect(head.keepAlive).toBe(true);
      expect(head.connectionTokens).toBe('x-forwarded-for,authorization,te,');
      for (const name of ['x-forwarded-for', 'authorization', 'te'])
        expect(listsName(head.connectionTokens, name)).toBe(true);
      for (const name of ['forwarded-for', 'e', 'x', 'close'])
        expect(listsName(head.connectionTokens, name)).toBe(false);
    });

    it.each(['a b', 'a;b', 'clo"se', '=', 'close x', 'a,\xe9'])('refuses Connection: %s', (value) => {
      expect(parse(GET, HOST, `Connection: ${value}`)).toBe(RefusalCode.badConnection);
    });

    it.each([
      ['1.1', 'close', false],
      ['1.1', 'keep-alive, close', false],
      ['1.1', 'keep-alive', true],
      ['1.0', 'Keep-Alive', true],
      ['1.0', 'keep-alive, close', false],
      ['1.0', 'x', false],
    ])('HTTP/%s with %s persists: %s', (version, value, keepAlive) => {
      expect(accepted(`GET / HTTP/${version}`, HOST, `Connection: ${value}`).keepAlive).toBe(keepAlive);
    });

    it('understands one expectation', () => {
      const expectation = 'Expect: 100-Continue';
      expect(accepted(POST, HOST, 'Content-Length: 1', expectation).expectContinue).toBe(true);
      expect(accepted(POST, HOST, 'Transfer-Encoding: chunked', expectation).expectContinue).toBe(true);
      expect(accepted(POST, HOST, 'Content-Length: 0', expectation).expectContinue).toBe(false);
      expect(accepted(GET, HOST, expectation).expectContinue).toBe(false);
      expect(accepted('POST / HTTP/1.0', HOST, 'Content-Length: 1', expectation).expectContinue).toBe(false);
      for (const value of ['', 'x', '100-continue, x', '100-continue=1', '200-ok']) {
        expect(parse(POST, HOST, `Expect: ${value}`)).toBe(RefusalCode.badExpect);
      }
      expect(parse(POST, HOST, expectation, expectation)).toBe(RefusalCode.badExpect);
      expect(refusalStatus(RefusalCode.badExpect)).toBe(417);
    });

    it('offers an upgrade only where a tunnel may follow', () => {
      const connection = 'Connection: keep-alive, Upgrade';
      expect(accepted(GET, HOST, connection, 'Upgrade: WebSocket').upgrade).toBe('WebSocket');
      expect(accepted(GET, HOST, connection, 'Upgrade: a/1.0', 'Content-Length: 0').upgrade).toBe('a/1.0');
      const ordinary = [
        [GET, HOST, 'Upgrade: websocket'],
        [GET, HOST, connection],
        ['GET / HTTP/1.0', HOST, connection, 'Upgrade: websocket'],
        [GET, HOST, connection, 'Upgrade: h2c'],
        [GET, HOST, connection, 'Upgrade: H2C'],
        [GET, HOST, connection, 'Upgrade: websocket, h2c'],
        [GET, HOST, connection, 'Upgrade: websocket', 'Upgrade: h2c'],
        [GET, HOST, connection, 'Upgrade:'],
        [GET, HOST, connection, 'Upgrade: /1'],
        [GET, HOST, connection, 'Upgrade: a/b/c'],
        [POST, HOST, connection, 'Upgrade: x', 'Content-Length: 1'],
        [POST, HOST, connection, 'Upgrade: x', 'Transfer-Encoding: chunked'],
      ];
      for (const lines of ordinary) expect(accepted(...lines).upgrade).toBeNull();
    });
  });
});
