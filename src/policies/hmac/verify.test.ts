import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCredentials } from './credentials.ts';
import { type HmacMessage, matches, signedDateMs, signingString } from './verify.ts';

const SECRET = createSecretKey(Buffer.from('secret'));

function message(
  headers: Readonly<Record<string, string>>,
  target = '/requests',
  method = 'GET',
): HmacMessage {
  return { method, target, protocol: 'HTTP/1.1', header: (name) => headers[name] ?? null };
}

describe('credentials', () => {
  const GOOD = 'username="bob", algorithm="hmac-sha256", headers="Date request-line", signature="AAEC"';

  test('are read', () => {
    expect(parseCredentials(GOOD)).toEqual({
      username: 'bob',
      algorithm: 'hmac-sha256',
      headers: ['Date', 'request-line'],
      signature: Buffer.from([0, 1, 2]),
    });
  });

  test.each([
    'signature="AAEC",headers="Date request-line",username="bob",algorithm="hmac-sha256"',
    '  username = "bob" , algorithm=hmac-sha256, headers="Date request-line",, signature="AAEC", extra="1"',
    GOOD.replace('"bob"', '"b\\ob"'),
  ])('the same in another order and with other blanks: %s', (text) => {
    expect(parseCredentials(text)).toEqual(parseCredentials(GOOD));
  });

  test('without headers the date is signed', () => {
    expect(parseCredentials('username="a", algorithm="b", signature="AA"')?.headers).toEqual(['date']);
  });

  test.each([
    GOOD.replace('bob', ''),
    GOOD.replace('AAEC', '!'),
    GOOD.replace('"AAEC"', '"AAEC'),
    GOOD.replace(', signature', ' signature'),
    GOOD.replace('username', 'user'),
    `${GOOD}, username="eve"`,
    `${GOOD}, USERNAME="eve"`,
    GOOD.replace('Date request-line', 'Date date'),
    GOOD.replace('Date request-line', ' '),
    '',
    ' ',
    'abc',
  ])('refused: %s', (text) => {
    expect(parseCredentials(text)).toBeNull();
  });

  test('whatever is sent is read or refused', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const read = parseCredentials(text);
        if (read !== null) expect(read.username).not.toBe('');
      }),
    );
  });
});

describe('what is signed', () => {
  const sent = message({ date: 'Thu, 22 Jun 2017 17:15:21 GMT', 'x-a': 'one, two' }, '/requests?a=b');

  test.each([
    [['date', 'request-line'], 'date: Thu, 22 Jun 2017 17:15:21 GMT\nGET /requests?a=b HTTP/1.1'],
    [['Date'], 'Date: Thu, 22 Jun 2017 17:15:21 GMT'],
    [['@request-target', 'X-A'], '@request-target: get /requests?a=b\nX-A: one, two'],
    [['digest', 'date'], 'digest:\ndate: Thu, 22 Jun 2017 17:15:21 GMT'],
  ])('%j', (headers, text) => {
    expect(signingString(headers, sent)).toBe(text);
  });

  test('a header of that name is not the request line', () => {
    const forged = message({ 'request-line': 'GET /requests HTTP/1.1' }, '/admin');
    expect(signingString(['request-line'], forged)).toBe('GET /admin HTTP/1.1');
  });
});

test.each(['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'] as const)('%s', (algorithm) => {
  const sent = message({ date: 'Thu, 22 Jun 2017 17:15:21 GMT' });
  const headers = ['date', 'request-line'];
  const signature = createHmac(algorithm.slice(5), 'secret').update(signingString(headers, sent)).digest();
  const credentials = { username: 'bob', algorithm, headers, signature };
  expect(matches(credentials, algorithm, SECRET, sent)).toBe(true);
  expect(matches(credentials, algorithm, SECRET, message({ date: 'x' }))).toBe(false);
  expect(matches(credentials, algorithm, SECRET, { ...sent, method: 'PUT' })).toBe(false);
  expect(matches({ ...credentials, signature: signature.subarray(1) }, algorithm, SECRET, sent)).toBe(false);
  expect(matches(credentials, algorithm, createSecretKey(Buffer.from('other')), sent)).toBe(false);
});

describe('the signed date', () => {
  const dates = { date: 'Thu, 22 Jun 2017 17:15:21 GMT', 'x-date': 'Thu, 22 Jun 2017 17:15:22 GMT' };
  test.each<[readonly string[], Readonly<Record<string, string>>, number | null]>([
    [['Date'], dates, 1_498_151_721_000],
    [['date', 'X-Date'], dates, 1_498_151_722_000],
    [['date', 'x-date'], { date: dates.date }, 1_498_151_721_000],
    [['x-a'], dates, null],
    [['date'], {}, null],
    [['date'], { date: '2017-06-22T17:15:21Z' }, null],
    [['date'], { date: '1498151721' }, null],
    [['date'], { date: 'Thu, 99 Jun 2017 17:15:21 GMT' }, null],
  ])('%j of %j', (headers, sent, expected) => {
    expect(signedDateMs(headers, message(sent))).toBe(expected);
  });
});
