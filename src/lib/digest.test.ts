import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestsMatch, readContentDigest, readLegacyDigest } from './digest.ts';

const BODY = Buffer.from('{"hello": "world"}');
const SHA256 = createHash('sha256').update(BODY).digest('base64');
/** Of RFC 9530, appendix D, and RFC 9421, appendix B.2. */
const SHA512 = 'WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==';

test.each([
  ['one', `sha-512=:${SHA512}:`],
  ['two', `sha-256=:${SHA256}:, sha-512=:${SHA512}:`],
  ['one that is not known', `md5=:AAAA:, sha-256=:${SHA256}:`],
])('Content-Digest of %s', (_, field) => {
  const expected = readContentDigest(field)!;
  expect(digestsMatch(expected, BODY)).toBe(true);
  expect(digestsMatch(expected, Buffer.from('{"hello": "World"}'))).toBe(false);
});

test('all that are known must fit', () => {
  const other = createHash('sha256').update('other').digest('base64');
  expect(digestsMatch(readContentDigest(`sha-256=:${other}:, sha-512=:${SHA512}:`)!, BODY)).toBe(false);
});

test.each(['', 'md5=:AAAA:', 'sha-256=:AAAA:', `sha-256="${SHA256}"`, `sha-256=${SHA256}`, 'sha-256', '(('])(
  'Content-Digest %j says nothing',
  (field) => {
    expect(readContentDigest(field)).toBeNull();
  },
);

test.each([`SHA-256=${SHA256}`, `sha-256=${SHA256}`, `MD5=AAAA, SHA-512=${SHA512}`])('Digest %s', (field) => {
  expect(digestsMatch(readLegacyDigest(field)!, BODY)).toBe(true);
});

test.each(['', 'MD5=AAAA', 'SHA-256=AAAA', `SHA-256:${SHA256}`, `SHA-256=:${SHA256}:`, 'SHA-256='])(
  'Digest %j says nothing',
  (field) => {
    expect(readLegacyDigest(field)).toBeNull();
  },
);
