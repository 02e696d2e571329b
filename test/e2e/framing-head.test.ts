import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, rawUntilClose } from './support/raw-client.ts';
import { forwardAll } from './support/resources.ts';
import { barrier, expectRefused, freshMarker, requestFor, smuggled } from './support/smuggling.ts';
import { RecordingUpstream } from './support/upstream.ts';

/** Heads whose framing two parsers could read in two ways: refused before one byte goes on. */
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

/** A POST with those framing lines, whose body hides a request behind a last chunk. */
function post(...lines: string[]) {
  return (marker: string) => `${head(`POST /x-${marker}`, ...lines)}0\r\n\r\n${smuggled(marker)}`;
}

function lines(...all: string[]) {
  return (marker: string) => `${[...all, '', ''].join('\r\n')}${smuggled(marker)}`;
}

function refuse(name: string, bytes: (marker: string) => string, ...statuses: number[]): void {
  it(name, async () => {
    const marker = freshMarker();
    const attack = { bytes: bytes(marker), marker };
    await expectRefused(gateway, upstream, attack, statuses.length === 0 ? [400] : statuses);
  });
}

describe('Transfer-Encoding', () => {
  refuse('with Content-Length', post('Content-Length: 5', 'Transfer-Encoding: chunked'));
  refuse('with Content-Length after it', post('Transfer-Encoding: chunked', 'Content-Length: 5'));
  refuse('with Content-Length 0', post('Transfer-Encoding: chunked', 'Content-Length: 0'));
  for (const value of [
    ',chunked',
    'chunked,',
    'chunked, chunked',
    'identity',
    'x, chunked',
    'chunked, x',
    'gzip, chunked',
    'chunked;q=1',
    '\x0bchunked',
    'chunked\x0b',
    '"chunked"',
    'chunke',
    'chunkedd',
    '',
  ]) {
    refuse(`value ${JSON.stringify(value)}`, post(`Transfer-Encoding: ${value}`), 400, 501);
  }
  refuse('twice', post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), 400, 501);
  refuse('twice, different', post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'), 400, 501);
  refuse('folded', post('Transfer-Encoding:', ' chunked'));
  refuse('with a folded second value', post('Transfer-Encoding: chunked', '\t, identity'));
  refuse(
    'in HTTP/1.0',
    (marker) =>
      `POST /x-${marker} HTTP/1.0\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled(marker)}`,
  );
  refuse('space before the colon', post('Transfer-Encoding : chunked'));
});

describe('Content-Length', () => {
  for (const value of [
    '',
    '+5',
    '-0',
    '-5',
    '0x10',
    '010',
    '1_0',
    '5,5',
    '5, 6',
    '5 5',
    '5;',
    '5.0',
    '1e1',
    '\x0b5',
    '12345678901234567890',
    '18446744073709551621',
    '\xb2',
  ]) {
    refuse(`value ${JSON.stringify(value)}`, post(`Content-Length: ${value}`), 400, 413);
  }
  refuse('twice, the same', post('Content-Length: 5', 'Content-Length: 5'));
  refuse('twice, different', post('Content-Length: 5', 'Content-Length: 6'));
});

describe('lines of the head', () => {
  const start = 'GET /x HTTP/1.1';
  const host = 'Host: shop.test';
  refuse('an empty name', lines(start, host, ': x'));
  refuse('space before the colon', lines(start, host, 'X-A : b'));
  refuse('space before the name of the first field', lines(start, ' X-A: b', host));
  refuse('a line without a colon', lines(start, host, 'X-A'));
  refuse('a folded line', lines(start, host, 'X-A: b', ' c'));
  refuse('a folded line with a tab', lines(start, host, 'X-A: b', '\tc'));
  refuse('a bare CR in a value', lines(start, host, 'X-A: b\rX-B: c'));
  refuse('a bare LF between fields', lines(start, `${host}\nX-A: b`));
  refuse('a bare LF at the end of the request line', lines(`${start}\n${host}`));
  refuse('a head ended by LF LF', (marker) => `${start}\n${host}\n\n${smuggled(marker)}`);
  refuse('a head ended by CR LF LF', (marker) => `${start}\r\n${host}\r\n\n${smuggled(marker)}`);
  refuse('a head that ends CR LF CR X', (marker) => `${start}\r\n${host}\r\n\rX${smuggled(marker)}`);
  for (const control of ['\0', '\x01', '\x07', '\x0b', '\x0c', '\x1b', '\x7f']) {
    refuse(`control byte ${JSON.stringify(control)} in a value`, lines(start, host, `X-A: b${control}c`));
    refuse(`control byte ${JSON.stringify(control)} in a name`, lines(start, host, `X-${control}A: b`));
    refuse(`control byte ${JSON.stringify(control)} in the target`, lines(`GET /x${control} HTTP/1.1`, host));
  }
  for (const separator of '()<>@,;\\"/[]?={}') {
    refuse(`separator ${separator} in a name`, lines(start, host, `X${separator}A: b`));
  }
});

describe('request line', () => {
  const host = 'Host: shop.test';
  refuse('an unknown version', lines('GET /x HTTP/2.0', host), 400, 505);
  refuse('HTTP/0.9', lines('GET /x', host));
  refuse('HTTP/1.10', lines('GET /x HTTP/1.10', host), 400, 505);
  refuse('http in lower case', lines('GET /x http/1.1', host), 400, 505);
  refuse('two spaces', lines('GET  /x HTTP/1.1', host));
  refuse('a tab for a space', lines('GET\t/x HTTP/1.1', host));
  refuse('a space in the target', lines('GET /x y HTTP/1.1', host));
  refuse('a space at the end', lines('GET /x HTTP/1.1 ', host));
  refuse('a method that is no token', lines('G(T /x HTTP/1.1', host));
  refuse('no target', lines('GET HTTP/1.1', host));
  refuse('a target without a slash', lines('GET x HTTP/1.1', host));
  refuse('asterisk with GET', lines('GET * HTTP/1.1', host));
  refuse('bytes above 127 in the target', lines('GET /\xe9 HTTP/1.1', host));
  refuse('a preface of HTTP/2', (marker) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled(marker)}`, 400, 505);
  refuse('a TLS hello', (marker) => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${smuggled(marker)}`);
  refuse('CONNECT', lines('CONNECT shop.test:443 HTTP/1.1', 'Host: shop.test:443'), 405);

  it('answers HTTP/1.2 as HTTP/1.1', async () => {
    const answer = await rawUntilClose(
      gateway.port,
      'GET /twelve HTTP/1.2\r\nHost: shop.test\r\nConnection: close\r\n\r\n',
    );
    expect(answer.text).toMatch(/^HTTP\/1\.1 200 /);
    expect(requestFor(upstream, 'twelve')?.head.startLine).toBe('GET /twelve HTTP/1.1');
  });

  it('refuses TRACE with 405', async () => {
    const answer = await rawUntilClose(gateway.port, head('TRACE /trace', 'Connection: close'));
    expect(answer.responses.map((r) => r.status)).toEqual([405]);
    expect(requestFor(upstream, 'trace')).toBeNull();
  });

  it('lets empty lines pass before a request (RFC 9112 section 2.2)', async () => {
    const answer = await rawUntilClose(
      gateway.port,
      `\r\n${head('GET /after-empty-line', 'Connection: close')}`,
    );
    expect(answer.responses.map((r) => r.status)).toEqual([200]);
  });
});

describe('Host', () => {
  const start = 'GET /x HTTP/1.1';
  refuse('none in HTTP/1.1', lines(start, 'X-A: b'));
  refuse('two', lines(start, 'Host: shop.test', 'Host: shop.test'));
  refuse('two, different', lines(start, 'Host: shop.test', 'Host: other.test'));
  for (const value of [
    'shop.test/x',
    'user@shop.test',
    'a,b',
    'shop .test',
    'shop.test:0',
    'shop.test:65536',
    'shop.test:x',
    'shop.test:80:80',
    'shop.test?x',
    'shop.test#x',
    'shop\\test',
    '[::1',
    'shop.test:-1',
    'shop.test:+80',
    'a%00b',
  ]) {
    refuse(`value ${JSON.stringify(value)}`, lines(start, `Host: ${value}`));
  }
  refuse(
    'other than that of an absolute target',
    lines('GET http://other.test/x HTTP/1.1', 'Host: shop.test'),
  );
  refuse(
    'absolute target with user information',
    lines('GET http://u@shop.test/x HTTP/1.1', 'Host: shop.test'),
  );
  refuse('absolute target of another scheme', lines('GET ftp://shop.test/x HTTP/1.1', 'Host: shop.test'));

  it('takes an absolute target with the same Host and forwards the origin form', async () => {
    const request =
      'GET http://shop.test/absolute?q=1 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n';
    const answer = await rawUntilClose(gateway.port, request);
    expect(answer.responses.map((r) => r.status)).toEqual([200]);
    expect(requestFor(upstream, 'absolute')?.head.startLine).toBe('GET /absolute?q=1 HTTP/1.1');
    expect(requestFor(upstream, 'absolute')?.header('host')).toBe('shop.test');
  });
});

describe('limits', () => {
  refuse(
    '1,100 lines, then Content-Length and a request in the body',
    (marker) => {
      const many = Array.from({ length: 1100 }, (_, i) => `X-${i}: y`);
      const hidden = smuggled(marker);
      return head('POST /many', ...many, `Content-Length: ${hidden.length}`) + hidden;
    },
    431,
  );
  refuse(
    'a field of 1 MB',
    (marker) => head('GET /x', `X-A: ${'a'.repeat(1 << 20)}`) + smuggled(marker),
    431,
  );
  refuse('a target of 1 MB', (marker) => head(`GET /${'a'.repeat(1 << 20)}`) + smuggled(marker), 414, 431);
  refuse(
    'a method of 100 KB',
    (marker) => head(`${'A'.repeat(100_000)} /x`) + smuggled(marker),
    400,
    405,
    414,
    431,
    501,
  );
  refuse('a first line without an end', (marker) => 'A'.repeat(1 << 20) + smuggled(marker), 400, 414, 431);
});

describe('Expect', () => {
  refuse(
    'a value other than 100-continue: 417',
    (marker) => head('POST /x', 'Expect: 200-ok', 'Content-Length: 500') + smuggled(marker),
    417,
  );
});

it('keeps serving after all of this', async () => {
  await barrier(gateway);
});
