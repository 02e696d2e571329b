import { describe, expect, it } from 'vitest';
import { RefusalCode, refusalStatus } from './refusal.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';
import { accepted, GET, HOST, limits, parse, parseText } from './testing.ts';

describe('request line and host', () => {
  describe('request line', () => {
    it.each([
      ['GET  / HTTP/1.1', RefusalCode.badTarget],
      ['GET / HTTP/1.1 ', RefusalCode.badVersion],
      ['GET /  HTTP/1.1', RefusalCode.badVersion],
      ['GET\t/ HTTP/1.1', RefusalCode.badMethod],
      [' GET / HTTP/1.1', RefusalCode.badMethod],
      ['G(T / HTTP/1.1', RefusalCode.badMethod],
      ['GET / http/1.1', RefusalCode.badVersion],
      ['GET / HTTP/1.1x', RefusalCode.badVersion],
      ['GET / HTTP/1.10', RefusalCode.badVersion],
      ['GET / HTTP/11', RefusalCode.badVersion],
      ['GET / HTTP/1', RefusalCode.badVersion],
      ['GET / HTTP/1.', RefusalCode.badVersion],
      ['GET / ICE/1.0', RefusalCode.badVersion],
      ['GET / HTTP/0.9', RefusalCode.badVersion],
      ['GET /', RefusalCode.badVersion],
      ['GET', RefusalCode.badMethod],
      ['GET / HTTP/2.0', RefusalCode.versionNotSupported],
      ['PRI * HTTP/2.0', RefusalCode.versionNotSupported],
      ['GET / HTTP/9.9', RefusalCode.versionNotSupported],
      ['GET /#f HTTP/1.1', RefusalCode.badTarget],
      ['GET /?a#f HTTP/1.1', RefusalCode.badTarget],
      ['GET /\\ HTTP/1.1', RefusalCode.badTarget],
      ['GET /" HTTP/1.1', RefusalCode.badTarget],
      ['GET /?a=<b> HTTP/1.1', RefusalCode.badTarget],
      ['GET /\xe9 HTTP/1.1', RefusalCode.badTarget],
      ['GET /\x00 HTTP/1.1', RefusalCode.badTarget],
      ['GET a HTTP/1.1', RefusalCode.badTarget],
      ['GET ?a HTTP/1.1', RefusalCode.badTarget],
      ['GET * HTTP/1.1', RefusalCode.badTarget],
      ['OPTIONS *x HTTP/1.1', RefusalCode.badTarget],
      ['OPTIONS *?x HTTP/1.1', RefusalCode.badTarget],
      ['GET a.example:80 HTTP/1.1', RefusalCode.badTarget],
      ['GET ftp://a.example/ HTTP/1.1', RefusalCode.badTarget],
      ['GET http:/a.example/ HTTP/1.1', RefusalCode.badTarget],
      ['GET http:///x HTTP/1.1', RefusalCode.badTarget],
      ['GET http://u@a.example/ HTTP/1.1', RefusalCode.badTarget],
      ['GET http://a.example:0/ HTTP/1.1', RefusalCode.badTarget],
      ['CONNECT / HTTP/1.1', RefusalCode.badTarget],
      ['CONNECT a.example HTTP/1.1', RefusalCode.badTarget],
      ['CONNECT http://a.example/ HTTP/1.1', RefusalCode.badTarget],
      ['CONNECT a.example:80?x HTTP/1.1', RefusalCode.badTarget],
    ])('refuses %j', (line, code) => {
      expect(parse(line, HOST)).toBe(code);
    });

    it('takes HTTP/1.2 to 1.9 for 1.1, and knows 1.0', () => {
      expect(accepted('GET / HTTP/1.2', HOST)).toMatchObject({ minorVersion: 1, keepAlive: true });
      expect(accepted('GET / HTTP/1.9', HOST).minorVersion).toBe(1);
      expect(accepted('GET / HTTP/1.0')).toMatchObject({ minorVersion: 0, keepAlive: false });
    });

    it('skips one empty line in front, not two and not a bare LF', () => {
      expect(accepted('', GET, HOST)).toMatchObject({ method: 'GET', host: 'a.example' });
      expect(parse('', '', GET, HOST)).toBe(RefusalCode.badMethod);
      expect(parseText(`\n${GET}\r\n${HOST}\r\n\r\n`)).toBe(RefusalCode.badMethod);
    });

    it('keeps methods as they are', () => {
      for (const method of [
        'GET',
        'HEAD',
        'POST',
        'PUT',
        'DELETE',
        'OPTIONS',
        'PATCH',
        'TRACE',
        'PROPFIND',
        'get',
        "M-!#$%&'*+.^_`|~9",
      ]) {
        expect(accepted(`${method} / HTTP/1.1`, HOST).method).toBe(method);
      }
    });

    it('allows in a target what RFC 3986 has and what browsers leave', () => {
      const rest = "-._~!$&'()*+,;=:@%41/[]^|";
      expect(accepted(`GET /a${rest}?b${rest}?\\\`{} HTTP/1.1`, HOST)).toMatchObject({
        path: `/a${rest}`,
        query: `b${rest}?\\\`{}`,
      });
    });

    it('answers 414 to a long target, at the limit and no earlier', () => {
      expect(parse(`GET /${'a'.repeat(1023)} HTTP/1.1`, HOST)).toBeInstanceOf(RequestHead);
      expect(parse(`GET /${'a'.repeat(1024)} HTTP/1.1`, HOST)).toBe(RefusalCode.targetTooLong);
      expect(parse(`GET /?${'a'.repeat(1023)} HTTP/1.1`, HOST)).toBe(RefusalCode.targetTooLong);
      expect(refusalStatus(RefusalCode.targetTooLong)).toBe(414);
    });

    it('tells the forms of the target', () => {
      expect(accepted('OPTIONS * HTTP/1.1', HOST)).toMatchObject({ targetForm: 'asterisk', path: '*' });
      expect(accepted('CONNECT A.example:443 HTTP/1.1', 'Host: a.example:443')).toMatchObject({
        targetForm: 'authority',
        path: '',
        host: 'a.example',
        port: 443,
        authority: 'A.example:443',
      });
      expect(accepted('GET HTTP://A.example/p?q HTTP/1.1', HOST)).toMatchObject({
        targetForm: 'absolute',
        scheme: 'http',
        path: '/p',
        query: 'q',
        host: 'a.example',
        authority: 'A.example',
        target: 'HTTP://A.example/p?q',
      });
      expect(accepted('GET https://a.example?q/r HTTP/1.1', HOST)).toMatchObject({
        scheme: 'https',
        path: '/',
        query: 'q/r',
      });
      expect(accepted('OPTIONS http://a.example HTTP/1.1', HOST).path).toBe('*');
      expect(accepted('OPTIONS http://a.example/ HTTP/1.1', HOST).path).toBe('/');
      expect(accepted('OPTIONS http://a.example? HTTP/1.1', HOST).path).toBe('/');
    });
  });

  describe('Host', () => {
    it('must be there once in 1.1, at most once in 1.0', () => {
      expect(parse(GET)).toBe(RefusalCode.missingHost);
      expect(parse('GET http://a.example/ HTTP/1.1')).toBe(RefusalCode.missingHost);
      expect(parse(GET, HOST, HOST)).toBe(RefusalCode.duplicateHost);
      expect(parse('GET / HTTP/1.0', HOST, 'host: b')).toBe(RefusalCode.duplicateHost);
      expect(parse('GET / HTTP/1.0')).toBeInstanceOf(RequestHead);
    });

    it.each([
      '',
      'a/b',
      'a@b',
      'a,b',
      'a b',
      'a\tb',
      'a:0',
      'a:00',
      'a:65536',
      'a:',
      'a:x',
      'a:1x',
      'a:-1',
      'a:+1',
      ':80',
      'a:1:2',
      'a#b',
      'a?b',
      'a\\b',
      'a%',
      'a%4',
      'a%zz',
      'a%2db',
      '[::1',
      '::1',
      '[]',
      '[a]',
      '[::1]x',
      '[::1]:0',
      '[fe80::1%25en0]',
      '[v1.a]',
      'a[::1]',
      'a|b',
      'a"b',
      '\xe9.example',
      'http://a',
    ])('refuses %j', (value) => {
      expect(parse(GET, `Host: ${value}`)).toBe(RefusalCode.badHost);
    });

    it.each([
      ['a.example', 'a.example', -1],
      ['A.EXAMPLE:65535', 'a.example', 65535],
      ['127.0.0.1:1', '127.0.0.1', 1],
      ['a_b.example', 'a_b.example', -1],
      ['a:080', 'a', 80],
      ['[::1]', '[::1]', -1],
      ['[2001:DB8::1]:8080', '[2001:db8::1]', 8080],
    ])('accepts %s', (value, host, port) => {
      expect(accepted(GET, `Host: ${value}`)).toMatchObject({ host, port, authority: value });
    });

    it('does not mistake one host for the one remembered', () => {
      const head = new RequestHead();
      for (const [value, host, port] of [
        ['aa', 'aa', -1],
        ['aa', 'aa', -1],
        ['ab', 'ab', -1],
        ['a:', null, 0],
        ['ab', 'ab', -1],
        ['ab:1', 'ab', 1],
        ['AB:2', 'ab', 2],
      ] as const) {
        const code = parseRequestHead(`${GET}\r\nHost: ${value}\r\n\r\n`, head, limits);
        if (host === null) expect(code).toBe(RefusalCode.badHost);
        else expect(head).toMatchObject({ host, port });
      }
    });

    it('must be the authority of an absolute-form or authority-form target', () => {
      const other = ['b.example', 'a.example:81', 'a.example.'];
      for (const host of other) {
        expect(parse('GET http://a.example/ HTTP/1.1', `Host: ${host}`)).toBe(RefusalCode.hostMismatch);
        expect(parse('CONNECT a.example:80 HTTP/1.1', `Host: ${host}`)).toBe(RefusalCode.hostMismatch);
      }
      expect(parse('GET http://a.example:80/ HTTP/1.1', HOST)).toBeInstanceOf(RequestHead);
      expect(parse('GET https://a.example/ HTTP/1.1', 'Host: a.example:443')).toBeInstanceOf(RequestHead);
      expect(parse('GET https://a.example/ HTTP/1.1', 'Host: a.example:80')).toBe(RefusalCode.hostMismatch);
      expect(accepted('GET http://b.example:8/ HTTP/1.0')).toMatchObject({ host: 'b.example', port: 8 });
    });
  });
});
