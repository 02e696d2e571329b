import { createHmac } from 'node:crypto';
import { type Algorithm, createVerifier } from '../../lib/signing-key.ts';
import { memberText } from '../../lib/structured-fields/model.ts';
import { parseDictionary } from '../../lib/structured-fields/parse.ts';
import { type SignedMessage, signatureBase } from './components.ts';
import { type Demands, type SignatureKey, verifySignature } from './verify.ts';

/** Keys and messages of RFC 9421, appendix B: published for tests, and good for nothing else. */

export const SHARED_SECRET = Buffer.from(
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  'base64',
);

export const RSA_PUBLIC = `-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw
WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq
MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg
kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P
uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ
PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB
-----END RSA PUBLIC KEY-----`;

export const RSA_PSS_PUBLIC = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----`;

export const P256_PUBLIC = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`;

export const ED25519_PUBLIC = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----`;

export const ED25519_PRIVATE = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`;

/** Names in lower case; one entry a line. */
export type Lines = readonly (readonly [name: string, value: string])[];

export function message(method: string, url: string, lines: Lines): SignedMessage {
  const [, scheme, authority, target] = /^(https?):\/\/([^/]+)(.*)$/.exec(url)!;
  const [path, ...query] = target!.split('?');
  return {
    method,
    scheme: scheme!,
    authority: authority!,
    target: target!,
    path: path!,
    query: query.join('?'),
    headerLines: (name) => lines.filter(([other]) => other === name).map(([, value]) => value),
  };
}

export const DIGEST =
  'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:';

/** Appendix B.2: the request that is signed there. */
export const TEST_REQUEST: Lines = [
  ['host', 'example.com'],
  ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
  ['content-type', 'application/json'],
  ['content-digest', DIGEST],
  ['content-length', '18'],
];

export function testRequest(input: string, signature: string, lines: Lines = TEST_REQUEST): SignedMessage {
  return message('POST', 'https://example.com/foo?param=Value&Pet=dog', [
    ...lines,
    ['signature-input', input],
    ['signature', signature],
  ]);
}

export const CREATED = 1_618_884_473;

const ANY: Demands = { required: [], tag: null, nonce: 'optional', maxAgeSeconds: 300, leewaySeconds: 30 };

export const KEYS = new Map<string, SignatureKey<string>>([
  key('test-key-rsa-pss', 'rsa-pss-sha512', RSA_PSS_PUBLIC),
  key('test-key-rsa', 'rsa-v1_5-sha256', RSA_PUBLIC),
  key('test-key-ecc-p256', 'ecdsa-p256-sha256', P256_PUBLIC),
  key('test-key-ed25519', 'ed25519', ED25519_PUBLIC),
  key('test-shared-secret', 'hmac-sha256', SHARED_SECRET),
]);

function key(id: string, algorithm: Algorithm, material: string | Buffer): [string, SignatureKey<string>] {
  const verify = createVerifier(algorithm, Buffer.from(material as string));
  return [id, { algorithm, verify, owner: id }];
}

export function verify(signed: SignedMessage, demands: Partial<Demands> = {}, nowSeconds = CREATED) {
  return verifySignature(signed, { ...ANY, ...demands }, (id) => KEYS.get(id), nowSeconds);
}

/** Signs with the secret of appendix B.1.5. */
export function signed(input: string, lines: Lines = [], url = 'https://shop.test/a?b=c', method = 'GET') {
  const unsigned = message(method, url, lines);
  const member = parseDictionary(`s=${input}`).get('s')!;
  if (member.kind !== 'innerList') throw new Error('no list');
  const mac = createHmac('sha256', SHARED_SECRET).update(signatureBase(member, unsigned), 'latin1');
  return message(method, url, [
    ...lines,
    ['signature-input', `s=${memberText(member)}`],
    ['signature', `s=:${mac.digest('base64')}:`],
  ]);
}

export const params = (more = '') => `;created=${CREATED};keyid="test-shared-secret"${more}`;
