import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costOf, parseHash, parsePassword } from '../../lib/password-hash.ts';
import { isPassword } from './password.ts';

const LONG =
  'This is a very long password that has more than sixty-four characters, so that blocks wrap around';

/** Made by Apache's htpasswd, `openssl passwd`, crypt(3) and the reference implementation of Argon2. */
const VECTORS = [
  ['correct horse', '$2y$05$5LcMlkdd.pK247/tkPAG8uXmoixAZlqjW7hsUNJcKbqM4jlCy/7zC'],
  ['correct horse', '$2a$05$5LcMlkdd.pK247/tkPAG8uXmoixAZlqjW7hsUNJcKbqM4jlCy/7zC'],
  ['correct horse', '$apr1$q86YVRQG$HZcjn7AqL3rQrFKJebifV.'],
  ['correct horse', '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/'],
  ['', '$apr1$x$tMwYqBfQwi3FYAr0aJc8M/'],
  [LONG.slice(0, 58), '$apr1$12345678$rdN.AcBUuzFpl9srvTw9t.'],
  ['correct horse', '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A='],
  ['correct horse', '$5$tmWS8jzcHbB09hc.$RRZEpwZfStEalJ8q11M1vexQWDJGTwo.O2cUj.nt0QC'],
  ['correct horse', '$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB'],
  ['pässwörd', '$5$rounds=1000$abc$JQ8Zdc9mzuZlmuhnBPjGoWbKWzp40ZOBNh7xy8VZld7'],
  [LONG, '$5$toolongsaltstrin$xaRzUdpNmUWkv5cCbaPDC2abWaBLOYH5DuPdtu4Fr5D'],
  [
    'correct horse',
    '$6$D/NndGi4ZayG3WQA$ca1t1mUfAVrn0rJhKnBj.eDhcYFOaQn5h/OzaK1EBTl7obUwkMFI5DfQ.oe.WUIKg4U242x.HuMs8kUs1ZSZr0',
  ],
  [
    'x',
    '$6$rounds=1400$abc$DdVXHn5DbiVFSBAl39pY7xB1m8ZD.3pynENSnPWXyxsIjrTGn/bKTv2039JNtiISVJTknNfJ/qOTRfJTNquhn0',
  ],
  [
    LONG,
    '$6$toolongsaltstri$VU96o9mXlPJ6lyRCfffsRAvF2jkVoj/R/q4jxkoxh4u4xpaDe/gNadQcAGKJ9ub6GKloVPHsHN3Q.Vp0GzSB1.',
  ],
  ['password', '$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG'],
  ['password', '$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU'],
] as const;

describe.each(VECTORS)('%s, %s', (password, text) => {
  const stored = parsePassword(text)!;

  test('is that password', async () => expect(await isPassword(password, stored)).toBe(true));

  test('is no other', async () => {
    for (const other of [`${password} `, `${password}x`, password.slice(1), `X${password.slice(1)}`, '']) {
      if (other !== password) expect([other, await isPassword(other, stored)]).toEqual([other, false]);
    }
  });
});

test('{SSHA} has its salt behind the digest', async () => {
  const { createHash } = await import('node:crypto');
  const salt = Buffer.from('salt');
  const digest = createHash('sha1').update('pw').update(salt).digest();
  const stored = parseHash(`{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`)!;
  expect([await isPassword('pw', stored), await isPassword('pw2', stored)]).toEqual([true, false]);
});

test('what looks like no hash is the password itself', async () => {
  for (const text of ['plain', '$ecret', '{curly', 'sha1', '$2', '{SHAKE', ':', '$']) {
    const stored = parsePassword(text)!;
    expect([stored.kind, await isPassword(text, stored), await isPassword('x', stored)]).toEqual([
      ...['plain', true, false],
    ]);
  }
});

test.each([
  '$1$salt$hash',
  '$2y$05$short',
  '$2x$05$5LcMlkdd.pK247/tkPAG8uXmoixAZlqjW7hsUNJcKbqM4jlCy/7zC',
  '$2y$20$5LcMlkdd.pK247/tkPAG8uXmoixAZlqjW7hsUNJcKbqM4jlCy/7zC',
  '{SHA}short',
  '{MD5}L55TUjtiq8FBorTWAZ0jy6g129A=',
  '$5$rounds=999999999$abc$JQ8Zdc9mzuZlmuhnBPjGoWbKWzp40ZOBNh7xy8VZld7',
  '$6$abc$JQ8Zdc9mzuZlmuhnBPjGoWbKWzp40ZOBNh7xy8VZld7',
  '$argon2id$v=19$m=99999999,t=2,p=4$c29tZXNhbHQ$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU',
  '$argon2id$v=19$m=262144,t=900,p=4$c29tZXNhbHQ$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU',
  '$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU',
  '$argon2id$v=19$m=8,t=1,p=4$c29tZXNhbHQ$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU',
  '$argon2id$v=19$m=64,t=1,p=4$c2$F1jG2CV3/Nr+yRuIsPKw0J9r4s7cJHBU',
])('%s is a hash of no form that is checked', (text) => expect(parsePassword(text)).toBeNull());

test('whatever stands there, it is taken apart or refused, and what is taken can be checked', async () => {
  const part = fc.constantFrom(
    '$2y$',
    '05',
    '$',
    '$apr1$',
    '{SHA}',
    '$argon2id$v=19$',
    'm=8,t=1,p=1',
    'c29tZXNhbHQ',
    '=',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(part, fc.string({ maxLength: 4 })), { maxLength: 6 }),
      async (parts) => {
        const stored = parsePassword(parts.join(''));
        if (stored === null) return;
        expect(costOf(stored)).toBeGreaterThanOrEqual(0);
        await isPassword('x', stored);
      },
    ),
  );
});
