import { describe, expect, it } from 'vitest';
import { RefusalCode } from './refusal.ts';
import { parseResponseHead, ResponseHead, readResponseHead } from './response-head.ts';

const limits = { maxHeadBytes: 4096, maxHeaders: 10 };

function parse(method: string, ...lines: string[]): ResponseHead | RefusalCode {
  const head = new ResponseHead();
  const code = parseResponseHead(`${lines.join('\r\n')}\r\n\r\n`, method, head, limits);
  return code === RefusalCode.OK ? head : code;
}

const OK = 'HTTP/1.1 200 OK';

describe('parseResponseHead', () => {
  it('takes an ordinary response apart', () => {
    expect(parse('GET', OK, 'Content-Length: 5', 'Connection: close, X-A')).toMatchObject({
      status: 200,
      reason: 'OK',
      minorVersion: 1,
      framing: 'length',
      contentLength: 5,
      keepAlive: false,
      connectionTokens: 'x-a,',
      upgrade: null,
    });
  });

  it('reads a head in the middle of a buffer', () => {
    const buf = Buffer.from('xxHTTP/1.1 204 No\r\nA: b\r\n\r\nHTTP');
    const head = new ResponseHead();
    expect(readResponseHead(buf, 2, buf.length - 4, 'GET', head, limits, null)).toBe(0);
    expect(head).toMatchObject({ status: 204, reason: 'No' });
    expect(head.fields.find('a')).toBe(0);
  });

  it.each([
    ['HTTP/1.1 200 OK', 'OK'],
    ['HTTP/1.1 200 ', ''],
    ['HTTP/1.1 200', ''],
    ['HTTP/1.1 200 Very \xe9 fine\t!', 'Very \xe9 fine\t!'],
  ])('accepts the status line %j', (line, reason) => {
    expect(parse('GET', line)).toMatchObject({ status: 200, reason });
  });

  it.each([
    ['HTTP/2.0 200 OK', RefusalCode.badStatusLine],
    ['HTTP/0.9 200 OK', RefusalCode.badStatusLine],
    ['http/1.1 200 OK', RefusalCode.badStatusLine],
    ['ICY 200 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1  200 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 20 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 2000 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 200OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 +20 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 2x0 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 200 O\x00K', RefusalCode.badStatusLine],
    ['HTTP/1.1 200 O\nK', RefusalCode.badStatusLine],
    ['HTTP/1.1 200 O\rK', RefusalCode.badStatusLine],
    ['HTTP/1.1\t200 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1', RefusalCode.badStatusLine],
    ['', RefusalCode.badStatusLine],
    ['\r\nHTTP/1.1 200 OK', RefusalCode.badStatusLine],
    ['HTTP/1.1 099 No', RefusalCode.badStatus],
    ['HTTP/1.1 000 No', RefusalCode.badStatus],
    ['HTTP/1.1 600 No', RefusalCode.badStatus],
    ['HTTP/1.1 999 No', RefusalCode.badStatus],
  ])('refuses the status line %j', (line, code) => {
    expect(parse('GET', line, 'A: b')).toBe(code);
  });

  it.each([
    [['Content-Length: 5', 'Transfer-Encoding: chunked'], RefusalCode.lengthWithTransferEncoding],
    [['Content-Length: 5', 'Content-Length: 5'], RefusalCode.duplicateContentLength],
    [['Content-Length: 5, 5'], RefusalCode.badContentLength],
    [['Content-Length: +5'], RefusalCode.badContentLength],
    [['Transfer-Encoding: gzip'], RefusalCode.badTransferEncoding],
    [['Transfer-Encoding: chunked, gzip'], RefusalCode.badTransferEncoding],
    [['Transfer-Encoding: identity'], RefusalCode.badTransferEncoding],
    [['Transfer-Encoding: gzip, chunked'], RefusalCode.transferCodingNotImplemented],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], RefusalCode.duplicateTransferEncoding],
    [['A: b', ' c'], RefusalCode.foldedLine],
    [['A : b'], RefusalCode.spaceBeforeColon],
    [['A: b\nC: d'], RefusalCode.bareLineFeed],
    [['A: b\x00'], RefusalCode.controlByte],
    [Array.from({ length: 11 }, () => 'A: b'), RefusalCode.tooManyFields],
    [[`Content-Encoding: ${'gzip, '.repeat(1000)}gzip`], RefusalCode.headTooLarge],
  ])('refuses the fields %j', (lines, code) => {
    for (const method of ['GET', 'HEAD']) expect(parse(method, OK, ...lines)).toBe(code);
  });

  it('refuses a transfer encoding in HTTP/1.0', () => {
    expect(parse('GET', 'HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')).toBe(
      RefusalCode.transferEncodingInHttp10,
    );
  });

  it('knows how the body ends', () => {
    expect(parse('GET', OK)).toMatchObject({ framing: 'close', keepAlive: false });
    expect(parse('GET', OK, 'Connection: keep-alive')).toMatchObject({ framing: 'close', keepAlive: false });
    expect(parse('GET', OK, 'Content-Length: 0')).toMatchObject({
      framing: 'length',
      contentLength: 0,
      keepAlive: true,
    });
    expect(parse('GET', OK, 'Transfer-Encoding: chunked')).toMatchObject({
      framing: 'chunked',
      keepAlive: true,
    });
    expect(parse('GET', 'HTTP/1.0 200 OK', 'Content-Length: 1')).toMatchObject({
      framing: 'length',
      keepAlive: false,
    });
  });

  it.each([
    ['HEAD', 200],
    ['GET', 304],
    ['CONNECT', 200],
  ])('%s answered with %i has no body, whatever its fields say', (method, status) => {
    const line = `HTTP/1.1 ${status} X`;
    for (const field of ['A: b', 'Content-Length: 9', 'Transfer-Encoding: chunked']) {
      expect(parse(method, line, field)).toMatchObject({
        framing: 'none',
        contentLength: 0,
        keepAlive: true,
      });
    }
  });

  it('reads the body of a refused CONNECT', () => {
    expect(parse('CONNECT', 'HTTP/1.1 403 No', 'Content-Length: 9')).toMatchObject({ framing: 'length' });
  });

  it.each([100, 103, 204])('refuses content on %i', (status) => {
    const line = `HTTP/1.1 ${status} X`;
    expect(parse('GET', line)).toMatchObject({ framing: 'none', keepAlive: true });
    expect(parse('GET', line, 'Content-Length: 0')).toMatchObject({ framing: 'none', keepAlive: true });
    for (const field of ['Content-Length: 9', 'Transfer-Encoding: chunked']) {
      expect(parse('GET', line, field)).toBe(RefusalCode.contentNotAllowed);
      expect(parse('HEAD', line, field)).toBe(RefusalCode.contentNotAllowed);
    }
  });

  it('refuses an interim response that ends its connection', () => {
    for (const status of [100, 101, 103]) {
      const upgrade = ['Upgrade: a', 'Connection: upgrade'];
      expect(parse('GET', `HTTP/1.1 ${status} X`, 'Connection: close', ...upgrade)).toBe(
        RefusalCode.badInterimResponse,
      );
      expect(parse('GET', `HTTP/1.0 ${status} X`, ...upgrade)).toBe(RefusalCode.badInterimResponse);
    }
  });

  it('wants a 101 to say to what it switches', () => {
    const line = 'HTTP/1.1 101 Switching Protocols';
    expect(parse('GET', line, 'Connection: Upgrade', 'Upgrade: websocket')).toMatchObject({
      upgrade: 'websocket',
      framing: 'none',
    });
    for (const fields of [
      ['A: b'],
      ['Upgrade: a'],
      ['Connection: upgrade'],
      ['Connection: upgrade', 'Upgrade:'],
      ['Connection: upgrade', 'Upgrade: a', 'Upgrade: b'],
    ]) {
      expect(parse('GET', line, ...fields)).toBe(RefusalCode.badUpgrade);
    }
    expect(parse('GET', OK, 'Connection: upgrade', 'Upgrade: h2')).toMatchObject({ upgrade: null });
  });

  it('keeps nothing of the response before', () => {
    const head = new ResponseHead();
    parseResponseHead(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close, x\r\n\r\n',
      'GET',
      head,
      limits,
    );
    expect(parseResponseHead('HTTP/1.1 204 \r\n\r\n', 'GET', head, limits)).toBe(0);
    expect(head).toMatchObject({
      framing: 'none',
      contentLength: 0,
      keepAlive: true,
      connectionTokens: '',
      reason: '',
    });
    expect(head.fields.count).toBe(0);
  });
});
