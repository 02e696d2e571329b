import { constants, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { ALGORITHMS, type AlgorithmName } from './algorithms.ts';
import { fixedSource } from './key-source.ts';
import { jwksKeys, pemKey, secretKey, type VerificationKey } from './keys.ts';
import {
  base64url,
  familyOfAlgorithm,
  NOW_S,
  pairOf,
  SECRET,
  signatureOf,
  type TokenParts,
  tokenOf,
  verifierOf,
} from './testing.ts';

const hmac = (kid?: string) => secretKey(Buffer.from(SECRET), ['HS256'], kid);
const pemOf = (family: Parameters<typeof pairOf>[0]) =>
  pairOf(family).publicKey.export({ type: 'spki', format: 'pem' }) as string;
const jwkOf = (family: Parameters<typeof pairOf>[0], more: object = {}) => ({
  ...pairOf(family).publicKey.export({ format: 'jwk' }),
  ...more,
});

function keyFor(alg: AlgorithmName, kid?: string): VerificationKey {
  if (alg.startsWith('HS')) return secretKey(Buffer.from(SECRET), [alg], kid);
  return pemKey(pemOf(familyOfAlgorithm(alg)), [alg], kid);
}

/** The kind of verdict on a token, with an HS256 key unless others are given. */
async function verdict(
  token: string,
  keys: readonly VerificationKey[] = [hmac()],
  rules: Parameters<typeof verifierOf>[1] = {},
): Promise<string> {
  return (await verifierOf(keys, rules).verify(token)).kind;
}
const of = (parts: TokenParts, rules: Parameters<typeof verifierOf>[1] = {}) =>
  verdict(tokenOf(parts), [hmac()], rules);

describe.each(ALGORITHMS)('%s', (alg) => {
  const token = tokenOf({ header: { alg } });
  const [head, body, signature] = token.split('.') as [string, string, string];

  it('takes a good token', async () => {
    expect(await verdict(token, [keyFor(alg)])).toBe('valid');
  });
  it('refuses another payload, another header, another signature, and none', async () => {
    const keys = [keyFor(alg)];
    const bytes = Buffer.from(signature, 'base64url');
    bytes[bytes.length - 1]! ^= 1;
    const bad = [
      [head, base64url({ sub: 'admin', exp: NOW_S + 300 }), signature],
      [base64url({ alg, typ: 'JWT' }), body, signature],
      [head, body, bytes.toString('base64url')],
      [head, body, bytes.subarray(1).toString('base64url')],
      [head, body, Buffer.concat([bytes, bytes]).toString('base64url')],
      [head, body, 'AA'],
      [head, body, ''],
      [head, body, Buffer.alloc(bytes.length).toString('base64url')],
    ];
    for (const parts of bad) expect(await verdict(parts.join('.'), keys)).toBe('invalid');
  });
  it('is not taken by a key of another algorithm', async () => {
    const others = ALGORITHMS.filter((other) => other !== alg);
    expect(
      await verdict(
        token,
        others.map((other) => keyFor(other)),
      ),
    ).toBe('invalid');
  });
});

describe('alg', () => {
  it.each(['none', 'nOnE', 'NONE', '', 'HS257', 'hs256', 'HS256 ', 'toString', '__proto__'])(
    'that says %j is refused, signed or not',
    async (alg) => {
      expect(await of({ header: { alg }, by: 'HS256' })).toBe('invalid');
      const unsigned = `${base64url({ alg })}.${base64url({ sub: 'ann', exp: NOW_S + 300 })}.`;
      expect(await verdict(unsigned)).toBe('invalid');
    },
  );
  it.each([null, 1, ['HS256'], { a: 1 }, undefined])('that is no text: %j', async (alg) => {
    expect(await of({ header: { alg }, by: 'HS256' })).toBe('invalid');
  });

  it('of HMAC with the RSA public key as its secret, in every form of it', async () => {
    const { publicKey } = pairOf('rsa');
    const keys = [pemKey(pemOf('rsa'), ['RS256'], undefined), ...jwksKeys({ keys: [jwkOf('rsa')] }, null)];
    const forms = [
      publicKey.export({ type: 'spki', format: 'pem' }) as string,
      (publicKey.export({ type: 'spki', format: 'pem' }) as string).trim(),
      publicKey.export({ type: 'pkcs1', format: 'pem' }) as string,
      publicKey.export({ type: 'spki', format: 'der' }).toString('latin1'),
      JSON.stringify(publicKey.export({ format: 'jwk' })),
    ];
    for (const key of forms) expect(await verdict(tokenOf({ key }), keys)).toBe('invalid');
  });
});

describe('keys that the token brings itself are not looked at', () => {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = own.publicKey.export({ format: 'jwk' });
  it.each([
    ['jwk', { jwk }],
    ['jku to a metadata service', { jku: 'http://169.254.169.254/latest/meta-data' }],
    ['x5u', { x5u: 'http://169.254.169.254/x' }],
    ['x5c', { x5c: ['AAAA'] }],
    ['kid with a path', { kid: '../../../../dev/null' }],
    ['kid with SQL', { kid: "x' UNION SELECT 'a" }],
  ])('%s', async (_, header) => {
    const token = tokenOf({ header: { alg: 'RS256', ...header }, key: own.privateKey });
    expect(await verdict(token, [keyFor('RS256')])).toBe('invalid');
  });

  it('a token signed with the empty key that `kid` may lead to', async () => {
    const token = tokenOf({ header: { kid: '/dev/null' }, key: '\0' });
    expect(await verdict(token)).toBe('invalid');
  });
});

describe('crit and b64 (RFC 7515 section 4.1.11, RFC 7797)', () => {
  it.each([
    [{ crit: ['exp'] }],
    [{ crit: ['x'], x: 1 }],
    [{ crit: [] }],
    [{ crit: 'b64', b64: true }],
    [{ crit: ['b64'] }],
    [{ crit: ['b64'], b64: false }],
    [{ crit: ['b64', 'b64'], b64: true }],
    [{ b64: false }],
    [{ b64: true }],
    [{ crit: null }],
  ])('%j is refused', async (header) => {
    expect(await of({ header })).toBe('invalid');
  });
  it('b64: true that crit names changes nothing', async () => {
    expect(await of({ header: { crit: ['b64'], b64: true } })).toBe('valid');
  });
});

describe('times', () => {
  it.each<[string, object, string]>([
    ['exp in the future', { exp: NOW_S + 1 }, 'valid'],
    ['exp now', { exp: NOW_S }, 'expired'],
    ['exp long ago', { exp: 1 }, 'expired'],
    ['exp negative', { exp: -1 }, 'expired'],
    ['exp 0', { exp: 0 }, 'expired'],
    ['exp with a fraction', { exp: NOW_S + 0.5 }, 'valid'],
    ['exp with a fraction, before', { exp: NOW_S - 0.5 }, 'expired'],
    ['exp as text', { exp: String(NOW_S + 300) }, 'invalid'],
    ['exp null', { exp: null }, 'invalid'],
    ['exp true', { exp: true }, 'invalid'],
    ['exp as list', { exp: [NOW_S + 300] }, 'invalid'],
    ['nbf now', { nbf: NOW_S }, 'valid'],
    ['nbf in the future', { nbf: NOW_S + 1 }, 'invalid'],
    ['nbf as text', { nbf: '0' }, 'invalid'],
    ['iat in the future', { iat: NOW_S + 100 }, 'valid'],
    ['iat as text', { iat: '1' }, 'invalid'],
  ])('%s: %j is %s', async (_, claims, kind) => {
    expect(await of({ claims: claims as Record<string, unknown> })).toBe(kind);
  });

  it.each(['1e400', '-1e400', '9'.repeat(400)])('exp %s, which no clock can show', async (exp) => {
    expect(await of({ claims: `{"sub":"ann","exp":${exp}}` })).toBe('invalid');
    expect(await of({ claims: `{"sub":"ann","nbf":${exp}}` })).toBe('invalid');
  });

  it('leeway moves exp and nbf, not further', async () => {
    const leeway = 30;
    expect(await of({ claims: { exp: NOW_S - 29 } }, { leeway })).toBe('valid');
    expect(await of({ claims: { exp: NOW_S - 30 } }, { leeway })).toBe('expired');
    expect(await of({ claims: { nbf: NOW_S + 30 } }, { leeway })).toBe('valid');
    expect(await of({ claims: { nbf: NOW_S + 31 } }, { leeway })).toBe('invalid');
  });

  it('maxAge counts from iat, which must then be there and past', async () => {
    const rules = { maxAge: 60 };
    expect(await of({ claims: { iat: NOW_S - 59 } }, rules)).toBe('valid');
    expect(await of({ claims: { iat: NOW_S - 60 } }, rules)).toBe('expired');
    expect(await of({ claims: { iat: NOW_S + 1 } }, rules)).toBe('invalid');
    expect(await of({}, rules)).toBe('invalid');
  });

  it('tells of a token that nobody signed only that it is invalid', async () => {
    expect(await of({ claims: { exp: 1 }, key: 'another secret that is long enough' })).toBe('invalid');
  });
});

describe('claims', () => {
  it('that must be there', async () => {
    const rules = { required: ['exp', 'tenant'] };
    expect(await of({ claims: { tenant: null } }, rules)).toBe('valid');
    expect(await of({}, rules)).toBe('invalid');
    expect(await of({ claims: '{"sub":"ann","tenant":1}' }, rules)).toBe('invalid');
  });
  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    '%s is there only where the token has it',
    async (name) => {
      expect(await of({}, { required: [name] })).toBe('invalid');
      const claims = `{"exp":${NOW_S + 1},"${name}":{"a":1}}`;
      expect(await of({ claims }, { required: [name] })).toBe('valid');
    },
  );

  it.each<[unknown, string]>([
    ['api', 'valid'],
    [['other', 'api'], 'valid'],
    [['other'], 'invalid'],
    [[], 'invalid'],
    ['API', 'invalid'],
    [['api', 1], 'invalid'],
    [{ api: 1 }, 'invalid'],
    [null, 'invalid'],
    [undefined, 'invalid'],
    ['api ', 'invalid'],
  ])('audience %j is %s', async (aud, kind) => {
    expect(await of({ claims: { aud } }, { audiences: ['api', 'web'] })).toBe(kind);
  });

  it.each<[unknown, string]>([
    ['https://a', 'valid'],
    ['https://a/', 'invalid'],
    [['https://a'], 'invalid'],
    [undefined, 'invalid'],
  ])('issuer %j is %s', async (iss, kind) => {
    expect(await of({ claims: { iss } }, { issuers: ['https://a', 'https://b'] })).toBe(kind);
  });

  it('sub and iss are texts', async () => {
    expect(await of({ claims: { sub: 1 } })).toBe('invalid');
    expect(await of({ claims: { iss: {} } })).toBe('invalid');
  });

  it.each<[string | undefined, string]>([
    ['at+jwt', 'valid'],
    ['application/at+JWT', 'valid'],
    ['JWT', 'invalid'],
    [undefined, 'invalid'],
  ])('typ %j is %s', async (typ, kind) => {
    expect(await of({ header: { typ } }, { typ: 'at+jwt' })).toBe(kind);
  });
  it('typ and kid are texts', async () => {
    expect(await of({ header: { typ: 1 } })).toBe('invalid');
    expect(await of({ header: { kid: 1 } })).toBe('invalid');
    expect(await of({ header: { kid: null } })).toBe('invalid');
  });
});

describe('what is no token', () => {
  const good = tokenOf();
  const signed = (header: string, claims: string) => {
    const text = `${Buffer.from(header, 'latin1').toString('base64url')}.${Buffer.from(claims, 'latin1').toString('base64url')}`;
    return `${text}.${signatureOf('HS256', text, SECRET).toString('base64url')}`;
  };
  const HEAD = '{"alg":"HS256"}';
  it.each([
    ['nothing', ''],
    ['dots', '..'],
    ['two parts', good.slice(0, good.lastIndexOf('.'))],
    ['four parts', `${good}.a`],
    ['five parts', 'a.b.c.d.e'],
    ['padding', `${good}=`],
    ['a space', good.replace('.', ' .')],
    ['base64 in place of base64url', good.replaceAll('-', '+').replaceAll('_', '/').replace(/$/, '+')],
    ['wide characters', `${good}\u0100`],
    ['no JSON in the header', signed('{', '{}')],
    ['no JSON in the payload', signed(HEAD, '{"a":')],
    ['a list', signed(HEAD, '[]')],
    ['a text', signed(HEAD, '"a"')],
    ['null', signed(HEAD, 'null')],
    ['no UTF-8', signed(HEAD, '{"sub":"\xff"}')],
    ['a byte order mark', signed(HEAD, '\xef\xbb\xbf{"sub":"a"}')],
    ['deep JSON', signed(HEAD, `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)],
    ['deep JSON in the header', signed(`{"alg":"HS256","a":${'['.repeat(33)}${']'.repeat(33)}}`, '{}')],
  ])('%s', async (_, token) => {
    expect(await verdict(token)).toBe('invalid');
  });

  it('one of 1 MB is still judged in no time that matters', async () => {
    expect(await verdict('a'.repeat(1_000_000))).toBe('invalid');
    expect(await verdict(tokenOf({ claims: { pad: 'x'.repeat(1_000_000) }, key: 'other' }))).toBe('invalid');
  });

  it('brackets within texts are no depth', async () => {
    expect(await of({ claims: { a: `${'['.repeat(100)}\\"{`, b: [[[[{ c: 1 }]]]] } })).toBe('valid');
  });

  it('the same signature written in another way', async () => {
    const at = good.length - 1;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const sibling = alphabet[alphabet.indexOf(good[at]!) ^ 1]!;
    expect(await verdict(good.slice(0, at) + sibling)).toBe('invalid');
  });
});

describe('signatures that no key makes', () => {
  it.each(['ES256', 'ES384', 'ES512'] as const)('%s with r = s = 0, 1 and the order', async (alg) => {
    const [head, body] = tokenOf({ header: { alg } }).split('.');
    const half = { ES256: 32, ES384: 48, ES512: 66 }[alg];
    const one = Buffer.alloc(half);
    one[half - 1] = 1;
    for (const part of [Buffer.alloc(half), one, Buffer.alloc(half, 0xff)]) {
      const signature = Buffer.concat([part, part]).toString('base64url');
      expect(await verdict(`${head}.${body}.${signature}`, [keyFor(alg)])).toBe('invalid');
    }
  });
  it('ES256 in DER', async () => {
    const [head, body] = tokenOf({ header: { alg: 'ES256' } }).split('.');
    const der = sign('sha256', Buffer.from(`${head}.${body}`), pairOf('P-256').privateKey);
    expect(await verdict(`${head}.${body}.${der.toString('base64url')}`, [keyFor('ES256')])).toBe('invalid');
  });
  it('PS256 with a salt of another length', async () => {
    const [head, body] = tokenOf({ header: { alg: 'PS256' } }).split('.');
    const key = { key: pairOf('rsa').privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 };
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), key).toString('base64url');
    expect(await verdict(`${head}.${body}.${signature}`, [keyFor('PS256')])).toBe('invalid');
  });
});

describe('several keys', () => {
  const other = secretKey(Buffer.from(SECRET.toUpperCase()), ['HS256'], undefined);
  it('without kid: each is tried', async () => {
    expect(await verdict(tokenOf(), [other, hmac()])).toBe('valid');
    expect(await verdict(tokenOf({ key: SECRET.toUpperCase() }), [other, hmac()])).toBe('valid');
    expect(await verdict(tokenOf({ key: `${SECRET}!` }), [other, hmac()])).toBe('invalid');
  });
  it('with kid: only that one, and a token must name it', async () => {
    const keys = [hmac('a'), secretKey(Buffer.from(SECRET.toUpperCase()), ['HS256'], 'b')];
    expect(await verdict(tokenOf({ header: { kid: 'a' } }), keys)).toBe('valid');
    expect(await verdict(tokenOf({ header: { kid: 'b' } }), keys)).toBe('invalid');
    expect(await verdict(tokenOf({ header: { kid: 'c' } }), keys)).toBe('invalid');
    expect(await verdict(tokenOf(), keys)).toBe('invalid');
  });
  it('two of a set without kid', async () => {
    const second = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = jwksKeys({ keys: [jwkOf('rsa'), second.publicKey.export({ format: 'jwk' })] }, null);
    expect(await verdict(tokenOf({ header: { alg: 'RS256' } }), keys)).toBe('valid');
    expect(await verdict(tokenOf({ header: { alg: 'RS256' }, key: second.privateKey }), keys)).toBe('valid');
    expect(await verdict(tokenOf({ header: { alg: 'RS256', kid: 'x' } }), keys)).toBe('invalid');
  });

  it('chosen by a claim or a header, and of that entry only', async () => {
    const sources = [
      fixedSource({ id: 'a', issuer: null }, [hmac()]),
      fixedSource({ id: 'b', issuer: null }, [other]),
    ];
    const by = (keyClaimName: string) => verifierOf([], {}, { sources, keyClaimName });
    const kind = async (name: string, parts: TokenParts) => (await by(name).verify(tokenOf(parts))).kind;
    expect(await kind('iss', { claims: { iss: 'a' } })).toBe('valid');
    expect(await kind('iss', { claims: { iss: 'b' } })).toBe('invalid');
    expect(await kind('iss', { claims: {} })).toBe('invalid');
    expect(await kind('iss', { header: { iss: 'a' } })).toBe('valid');
    expect(await kind('kid', { header: { kid: 'a' } })).toBe('valid');
    expect(await kind('tenant', { claims: { tenant: ['a'] } })).toBe('invalid');
    expect(await kind('constructor', {})).toBe('invalid');
  });

  it('an entry with an issuer signs for no other', async () => {
    const sources = [
      fixedSource({ id: null, issuer: 'a' }, [hmac()]),
      fixedSource({ id: null, issuer: 'b' }, [other]),
    ];
    const verifier = verifierOf([], {}, { sources });
    expect(verifier.verify(tokenOf({ claims: { iss: 'a' } })).valueOf()).toMatchObject({ kind: 'valid' });
    expect(verifier.verify(tokenOf({ claims: { iss: 'b' } }))).toMatchObject({ kind: 'invalid' });
    expect(verifier.verify(tokenOf())).toMatchObject({ kind: 'invalid' });
  });
});

describe('keys that are refused', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const jwks = (...keys: unknown[]) => jwksKeys({ keys }, null).length;
  it('in PEM, with what is wrong', () => {
    const pem = (key: { export(o: object): unknown }) =>
      key.export({ type: 'spki', format: 'pem' }) as string;
    const { privateKey } = pairOf('rsa');
    const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
    const cases: [string, AlgorithmName[] | null, RegExp][] = [
      [pem(small), ['RS256'], /1024 bits, 2048 is the least/],
      [pem(k1), null, /secp256k1, which is not taken/],
      [privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, ['RS256'], /private key/],
      [pemOf('rsa') + pemOf('P-256'), ['RS256'], /exactly one/],
      [pemOf('rsa'), null, /needs algorithms/],
      [pemOf('rsa'), ['ES256'], /takes RS256/],
      [pemOf('P-256'), ['ES384'], /takes ES256 only/],
      ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', null, /no public key/],
      ['hello', null, /exactly one/],
    ];
    for (const [text, algorithms, message] of cases) {
      expect(() => pemKey(text, algorithms, undefined)).toThrow(message);
    }
  });
  it('as a secret, when it is too short, without repeating it', () => {
    expect(() => secretKey(Buffer.from('hunter2'), ['HS256'], undefined)).toThrow(
      /^has 7 bytes, HS256 needs at least 32/,
    );
    expect(() => secretKey(Buffer.alloc(63), ['HS256', 'HS512'], undefined)).toThrow(
      /HS512 needs at least 64/,
    );
  });
  it('in a set: they are left out, the others stay', () => {
    const good = jwkOf('P-256');
    const privateJwk = pairOf('P-256').privateKey.export({ format: 'jwk' });
    expect(jwks(good)).toBe(1);
    const bad = [
      small.export({ format: 'jwk' }),
      { kty: 'oct', k: 'AAAA' },
      privateJwk,
      { ...good, use: 'enc' },
      { ...good, key_ops: ['sign'] },
      { ...good, alg: 'ES384' },
      { ...good, alg: 'none' },
      { ...good, kid: 7 },
      { ...good, x: good.y },
      { kty: 'EC', crv: 'P-256' },
      { kty: 'AKP' },
      { kty: 'RSA', n: jwkOf('rsa').n, e: 'AQ' },
      { kty: 'RSA', n: jwkOf('rsa').n, e: 'Ag' },
      null,
      'key',
      [],
    ];
    for (const key of bad) expect([key, jwks(key)]).toEqual([key, 0]);
    expect(jwks(...bad, good)).toBe(1);
  });
  it.each([[null], [[]], ['keys'], [{}], [{ keys: {} }]])('a set that is none: %j', (set) => {
    expect(() => jwksKeys(set, null)).toThrow('no JWK Set');
  });
  it('alg of a key pins it, and so do algorithms', async () => {
    const token = tokenOf({ header: { alg: 'RS384' } });
    const kind = (more: object, algorithms: AlgorithmName[] | null) =>
      verdict(token, jwksKeys({ keys: [jwkOf('rsa', more)] }, algorithms));
    expect(await kind({}, null)).toBe('valid');
    expect(await kind({ alg: 'RS384' }, null)).toBe('valid');
    expect(await kind({ alg: 'RS256' }, null)).toBe('invalid');
    expect(await kind({}, ['RS256'])).toBe('invalid');
    expect(await kind({}, ['RS256', 'RS384'])).toBe('valid');
  });
});

test('a certificate is read for its key', async () => {
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({ keys, signingAlgorithm: algorithm });
  const spki = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey));
  const { key } = pemKey(certificate.toString('pem'), null, undefined);
  expect(key.equals(createPublicKey({ key: spki, format: 'der', type: 'spki' }))).toBe(true);
});
