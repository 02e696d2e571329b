import { describe, expect, it } from 'vitest';
import { RefusalCode, refusalStatus } from './refusal.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';
import { accepted, GET, HOST, limits, POST, parse, parseText } from './testing.ts';

describe('framing of requests', () => {
  describe('Content-Length and Transfer-Encoding', () => {
    it.each([
      '',
      '+5',
      '-0',
      '0x10',
      '010',
      '00',
      '1_0',
      '5,5',
      '5, 6',
      '5 5',
      '1e1',
      '5;',
      '12345678901234567890',
      '9007199254740992',
    ])('refuses the length %j', (value) => {
      expect(parse(POST, HOST, `Content-Length: ${value}`)).toBe(RefusalCode.badContentLength);
    });

    it.each([
      ['0', 0],
      ['5', 5],
      ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ])('accepts the length %s', (value, bytes) => {
      const head = accepted(POST, HOST, `Content-Length: ${value}`);
      expect(head).toMatchObject({ framing: 'length', contentLength: bytes });
    });

    it.each(['5', '6'])('refuses a second length of %s', (value) => {
      const code = parse(POST, HOST, 'Content-Length: 5', `content-length: ${value}`);
      expect(code).toBe(RefusalCode.duplicateContentLength);
    });

    it('refuses a length beside a transfer encoding, in either order', () => {
      const te = 'Transfer-Encoding: chunked';
      expect(parse(POST, HOST, te, 'Content-Length: 0')).toBe(RefusalCode.lengthWithTransferEncoding);
      expect(parse(POST, HOST, 'Content-Length: 0', te)).toBe(RefusalCode.lengthWithTransferEncoding);
    });

    it.each([
      ',chunked',
      'chunked,',
      'chunked, chunked',
      'identity',
      'x, chunked',
      'chunked;q=1',
      '',
      'chunkedx',
      'x',
      '"chunked"',
      'chunked, identity',
      'gzip',
      'chunked, gzip',
    ])('refuses the transfer encoding %j', (value) => {
      expect(parse(POST, HOST, `Transfer-Encoding: ${value}`)).toBe(RefusalCode.badTransferEncoding);
    });

    it('answers 501 to registered codings before chunked', () => {
      const code = parse(POST, HOST, 'Transfer-Encoding: gzip , chunked');
      expect(code).toBe(RefusalCode.transferCodingNotImplemented);
      expect(refusalStatus(RefusalCode.transferCodingNotImplemented)).toBe(501);
    });

    it('refuses a control byte in front of chunked', () => {
      expect(parse(POST, HOST, 'Transfer-Encoding: \x0bchunked')).toBe(RefusalCode.controlByte);
    });

    it('refuses a folded or doubled transfer encoding, and one in HTTP/1.0', () => {
      const te = 'Transfer-Encoding: chunked';
      expect(parse(POST, HOST, 'Transfer-Encoding:', ' chunked')).toBe(RefusalCode.foldedLine);
      expect(parse(POST, HOST, te, te)).toBe(RefusalCode.duplicateTransferEncoding);
      expect(parse('POST / HTTP/1.0', HOST, te)).toBe(RefusalCode.transferEncodingInHttp10);
    });

    it.each(['\t5', '5\t', ' \t5', '5 \t '])('refuses a tab around a length or coding: %j', (value) => {
      expect(parse(POST, HOST, `Content-Length:${value}`)).toBe(RefusalCode.badContentLength);
      const coding = value.replace('5', 'chunked');
      expect(parse(POST, HOST, `Transfer-Encoding:${coding}`)).toBe(RefusalCode.badTransferEncoding);
    });

    it('accepts chunked in any case', () => {
      expect(accepted(POST, HOST, 'transfer-encoding:  CHUNKED ')).toMatchObject({ framing: 'chunked' });
    });

    it.each(['CONNECT a.example:443', 'TRACE /'])('refuses content on %s', (start) => {
      const host = start.startsWith('C') ? 'Host: a.example:443' : HOST;
      expect(parse(`${start} HTTP/1.1`, host, 'Content-Length: 1')).toBe(RefusalCode.contentNotAllowed);
      expect(parse(`${start} HTTP/1.1`, host, 'Transfer-Encoding: chunked')).toBe(
        RefusalCode.contentNotAllowed,
      );
      expect(parse(`${start} HTTP/1.1`, host)).toBeInstanceOf(RequestHead);
    });
  });

  describe('field lines', () => {
    it.each([
      [': x', RefusalCode.badFieldName],
      ['X : y', RefusalCode.spaceBeforeColon],
      ['X\t: y', RefusalCode.spaceBeforeColon],
      [' X: y', RefusalCode.foldedLine],
      ['\tX: y', RefusalCode.foldedLine],
      ['X', RefusalCode.missingColon],
      ['X\x00: y', RefusalCode.badFieldName],
      ['X(: y', RefusalCode.badFieldName],
      ['X\xe9: y', RefusalCode.badFieldName],
      ['X: a\nY: b', RefusalCode.bareLineFeed],
      ['X\nY: b', RefusalCode.bareLineFeed],
      ['X: a\rY: b', RefusalCode.bareCarriageReturn],
      ['X: a\r', RefusalCode.bareCarriageReturn],
      ['X: a\x00b', RefusalCode.controlByte],
      ['X: a\x7fb', RefusalCode.controlByte],
      ['X: a\x1bb', RefusalCode.controlByte],
    ])('refuses %j', (line, code) => {
      expect(parse(GET, HOST, line)).toBe(code);
      expect(parse(GET, line, HOST)).toBe(code);
    });

    it('refuses every control byte but HTAB in a value and every one in a name', () => {
      for (let octet = 0; octet < 256; octet++) {
        const text = String.fromCharCode(octet);
        const isControl = (octet < 32 && octet !== 9) || octet === 127;
        expect(typeof parse(GET, HOST, `X: a${text}b`) === 'number', `value ${octet}`).toBe(isControl);
        const isToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(text);
        // A colon ends the name.
        if (text !== ':')
          expect(typeof parse(GET, HOST, `X${text}: b`) === 'number', `name ${octet}`).toBe(!isToken);
      }
    });

    it('refuses a head that ends with CRLF CR X, or goes on after its empty line', () => {
      expect(parseText('GET / HTTP/1.1\r\nHost: a\r\n\rX')).toBe(RefusalCode.headNotTerminated);
      expect(parseText('GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n')).toBe(RefusalCode.bareCarriageReturn);
      expect(parseText('GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n')).toBe(RefusalCode.headNotTerminated);
      expect(parseText('')).toBe(RefusalCode.headNotTerminated);
      expect(parseText('\r\n\r\n')).toBe(RefusalCode.badMethod);
    });

    it('accepts obs-text', () => {
      expect(accepted(GET, HOST, 'X: \xe9\xff').fields.value(1)).toBe('\xe9\xff');
    });

    it('answers 431 to too many lines or bytes, at the limit and no earlier', () => {
      const lines = Array.from({ length: 19 }, (_, i) => `X-${i}: y`);
      expect(parse(GET, HOST, ...lines)).toBeInstanceOf(RequestHead);
      expect(parse(GET, HOST, ...lines, 'Z: z')).toBe(RefusalCode.tooManyFields);
      const room = 8192 - `${GET}\r\n${HOST}\r\nX: \r\n\r\n`.length;
      expect(parse(GET, HOST, `X: ${'y'.repeat(room)}`)).toBeInstanceOf(RequestHead);
      expect(parse(GET, HOST, `X: ${'y'.repeat(room + 1)}`)).toBe(RefusalCode.headTooLarge);
      expect(refusalStatus(RefusalCode.tooManyFields)).toBe(431);
      expect(refusalStatus(RefusalCode.headTooLarge)).toBe(431);
    });

    it('refuses 1,100 lines before the length that they hide', () => {
      const lines = Array.from({ length: 1100 }, () => 'X: y');
      expect(parse(POST, HOST, ...lines, 'Content-Length: 40')).toBe(RefusalCode.tooManyFields);
    });

    it('grows to as many lines as the limit allows', () => {
      const head = new RequestHead();
      const lines = Array.from({ length: 99 }, (_, i) => `X-${i}: v${i}\r\n`).join('');
      const raw = `GET / HTTP/1.1\r\n${lines}Host: a\r\n\r\n`;
      expect(parseRequestHead(raw, head, { ...limits, maxHeaders: 100 })).toBe(0);
      expect(head.fields.count).toBe(100);
      for (let i = 0; i < 99; i++) expect(head.fields.value(i)).toBe(`v${i}`);
      expect(head.host).toBe('a');
    });
  });
});
