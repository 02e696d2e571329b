import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matcher } from '../../lib/cidr.ts';
import { accepted, GET, HOST } from '../http1/testing.ts';
import { clientAddressOf, requestIdOf, trustedIdentityText, untrustedIdentityText } from './identity.ts';

const isAddress = (text: string): boolean => isIP(text) !== 0;
const isTrusted = matcher(['10.0.0.0/8', 'fd00::/8']);
const fieldsOf = (...lines: string[]) => accepted(GET, HOST, ...lines).fields;
const clientOf = (...lines: string[]): string =>
  clientAddressOf(fieldsOf(...lines), '10.0.0.1', isTrusted, isAddress);

describe('clientAddressOf, for a trusted peer', () => {
  it.each([
    ['no header', [], '10.0.0.1'],
    ['one client', ['X-Forwarded-For: 192.0.2.1'], '192.0.2.1'],
    ['a client behind two proxies', ['X-Forwarded-For: 192.0.2.1, 10.0.0.7, 10.0.0.2'], '192.0.2.1'],
    ['what the client wrote itself', ['X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    ['a trusted address that the client wrote', ['X-Forwarded-For: 10.9.9.9, 192.0.2.1'], '192.0.2.1'],
    ['nothing but proxies', ['X-Forwarded-For: 10.0.0.8, 10.0.0.2'], '10.0.0.8'],
    ['two lines are one list', ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 10.0.0.2'], '192.0.2.1'],
    ['lines keep their order', ['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 192.0.2.1'], '192.0.2.1'],
    ['garbage ends the walk', ['X-Forwarded-For: 1.1.1.1, <script>, 10.0.0.2'], '10.0.0.2'],
    ['garbage at the end', ['X-Forwarded-For: 1.1.1.1, unknown'], '10.0.0.1'],
    ['an empty entry', ['X-Forwarded-For: 1.1.1.1,, 10.0.0.2'], '10.0.0.2'],
    ['an empty header', ['X-Forwarded-For:'], '10.0.0.1'],
    ['only commas', ['X-Forwarded-For: ,,,'], '10.0.0.1'],
    ['octets that no address has', ['X-Forwarded-For: 192.0.2.256'], '10.0.0.1'],
    ['octal', ['X-Forwarded-For: 0300.0.2.1'], '10.0.0.1'],
    ['a number', ['X-Forwarded-For: 3221225985'], '10.0.0.1'],
    ['a port', ['X-Forwarded-For: 192.0.2.1:5050'], '10.0.0.1'],
    ['IPv6', ['X-Forwarded-For: 2001:db8::1, fd00::2'], '2001:db8::1'],
    ['IPv6 in brackets', ['X-Forwarded-For: [2001:db8::1]'], '10.0.0.1'],
    ['no white space', ['X-Forwarded-For: 1.1.1.1,192.0.2.1,10.0.0.2'], '192.0.2.1'],
    ['tabs', ['X-Forwarded-For: 192.0.2.1\t,\t10.0.0.2'], '192.0.2.1'],
    [
      'other headers',
      ['X-Real-IP: 1.1.1.1', 'Forwarded: for=1.1.1.1', 'True-Client-IP: 1.1.1.1'],
      '10.0.0.1',
    ],
  ])('%s', (_, lines, client) => {
    expect(clientOf(...lines)).toBe(client);
  });

  it('nothing that a client writes in front changes what its proxy says', () => {
    const entry = fc.constantFrom('10.0.0.3', '1.1.1.1', '', 'x', '::1', 'fd00::1', '%', '10.0.0.1, 9.9.9.9');
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (forged) => {
        expect(clientOf(`X-Forwarded-For: ${[...forged, '192.0.2.1', '10.0.0.2'].join(', ')}`)).toBe(
          '192.0.2.1',
        );
      }),
    );
  });
});

describe('requestIdOf', () => {
  it.each([
    ['abc-123', true],
    ['a'.repeat(128), true],
    ['a:b/c+d=e@f.g_h', true],
    ['a'.repeat(129), false],
    ['', false],
    ['a b', false],
    ['a"b', false],
    ['ü', false],
  ])('of a trusted peer, %j is kept: %j', (id, kept) => {
    const made = requestIdOf(fieldsOf(`X-Request-ID: ${id}`), true, 1_800_000_000_000);
    if (kept) expect(made).toBe(id);
    else expect(made).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('of anybody else is made here', () => {
    expect(requestIdOf(fieldsOf('X-Request-ID: mine'), false, 1_800_000_000_000)).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('identity lines', () => {
  it('of a peer that is not trusted say what the gateway saw', () => {
    expect(untrustedIdentityText('192.0.2.1', 'http', 'shop.test:8080')).toBe(
      'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.test:8080\r\n' +
        'Forwarded: for=192.0.2.1;proto=http;host="shop.test:8080"\r\n',
    );
    expect(untrustedIdentityText('2001:db8::1', 'http', '')).toBe(
      'X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nForwarded: for="[2001:db8::1]";proto=http\r\n',
    );
  });

  it('of a trusted peer go on with its lists', () => {
    const fields = fieldsOf(
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-For: 10.0.0.2',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: outer.test',
      'Forwarded: for=192.0.2.1;proto=https',
    );
    expect(trustedIdentityText(fields, '10.0.0.1', 'http', 'inner.test')).toBe(
      'X-Forwarded-For: 192.0.2.1, 10.0.0.2, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n' +
        'X-Forwarded-Host: outer.test\r\n' +
        'Forwarded: for=192.0.2.1;proto=https, for=10.0.0.1;proto=http;host=inner.test\r\n',
    );
  });

  it.each(['ftp', 'https, http', 'HTTPS', 'http;x'])('the scheme %j is nobody’s', (scheme) => {
    const text = trustedIdentityText(fieldsOf(`X-Forwarded-Proto: ${scheme}`), '10.0.0.1', 'http', '');
    expect(text).toContain('X-Forwarded-Proto: http\r\n');
  });
});
