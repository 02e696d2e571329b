import { createPrivateKey, KeyObject, X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { type CertificatePair, issueCertificate } from '../admin/webhook/certificate.ts';
import { describeFinding, severityOf } from '../ir/describe.ts';
import type { Secret } from '../resources/core/secret.ts';
import type { Input } from './input.ts';
import { Translator } from './translator.ts';

const DAY_MS = 86_400_000;
let first: CertificatePair;
let second: CertificatePair;
/** OpenSSL takes its key for too short. */
let weak: Pick<CertificatePair, 'cert' | 'key'>;
beforeAll(async () => {
  const request = { names: ['shop.test'] as const, lifetimeMs: 10 * DAY_MS };
  first = await issueCertificate({ ...request, nowMs: Date.now() });
  second = await issueCertificate({ ...request, nowMs: Date.now() });
  weak = await weakCertificate();
});

async function weakCertificate(): Promise<typeof weak> {
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const size = { modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1) };
  const keys = await crypto.subtle.generateKey({ ...algorithm, ...size }, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({ keys, signingAlgorithm: algorithm });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { cert: certificate.toString('pem'), key: String(key) };
}

let now = new Date();

function translator(...names: string[]): Translator {
  now = new Date();
  return new Translator(
    {
      listeners: ['https'],
      catalogue: new Map(),
      globalPolicies: [],
      policyNamespace: 'own',
      certificates: names.map((name, place) => ({
        ...{ listener: 'https', place, name, namespace: place === 1 ? 'shop' : null },
        origin: {
          object: { kind: 'GatewayConfig', namespace: '', name: 'portreeve' },
          fieldPath: `listeners[0].tls.certificateRefs[${place}]`,
          location: { file: 'portreeve.yaml', line: 6 + place, column: 9 },
        },
      })),
      backends: {
        ...{ allowUrls: true, allowLoopback: true, allowLinkLocal: false, allowExternalNames: false },
        crossNamespace: { kind: 'any' },
      },
    },
    () => now,
  );
}

function secret(
  name: string,
  stringData: Record<string, string>,
  namespace = 'own',
): Input['upsert'][number] {
  const object: Secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'kubernetes.io/tls' },
    stringData,
  };
  const ref = { kind: 'Secret', namespace, name };
  return { kind: 'Secret', ref, object, origin: () => ({ object: ref, fieldPath: '', location: null }) };
}

const pair = ({ cert, key }: Pick<CertificatePair, 'cert' | 'key'>) => ({ 'tls.crt': cert, 'tls.key': key });
const change = (...upsert: Input['upsert'][number][]): Input => ({ upsert, remove: [], findings: [] });
const words = (one: Translator) =>
  one.findings.map((finding) => {
    const { line } = finding.origin.location!;
    return `${line} ${severityOf(finding)} ${describeFinding(finding).message}`;
  });
const served = (one: Translator) =>
  one.secrets.map(({ key, text }) => `${key} ${new X509Certificate(text).fingerprint256}`);
const mark = ({ cert }: CertificatePair): string => new X509Certificate(cert).fingerprint256;

test('each is looked for where it is said to be, and goes to the threads with its key, as one text', () => {
  const one = translator('a-tls', 'b-tls');
  expect(words(one)).toEqual([
    '6 error there is no Secret/own/a-tls',
    '7 error there is no Secret/shop/b-tls',
  ]);
  // Of another namespace.
  one.update(change(secret('b-tls', pair(second))));
  expect(served(one)).toEqual([]);
  const { delta } = one.update(change(secret('a-tls', pair(first)), secret('b-tls', pair(second), 'shop')));
  expect(words(one)).toEqual([]);
  expect(served(one)).toEqual([
    `Certificate/https/0/own/a-tls ${mark(first)}`,
    `Certificate/https/1/shop/b-tls ${mark(second)}`,
  ]);
  const { text } = delta.upsertSecrets[0]!;
  expect(new X509Certificate(text).checkPrivateKey(createPrivateKey(text))).toBe(true);
});

test('a change sends that certificate alone, and none sends nothing', () => {
  const one = translator('a-tls', 'b-tls');
  one.update(change(secret('a-tls', pair(first)), secret('b-tls', pair(second), 'shop')));
  const changed = one.update(change(secret('a-tls', pair(second)))).delta;
  expect(changed.upsertSecrets.map(({ key }) => key)).toEqual(['Certificate/https/0/own/a-tls']);
  expect(one.update(change(secret('a-tls', pair(second)))).delta.upsertSecrets).toEqual([]);
  expect(one.update(change(secret('other', pair(first)))).delta.upsertSecrets).toEqual([]);
});

test('a Secret that becomes bad or goes keeps its last good version, and harms no other', () => {
  const one = translator('a-tls', 'b-tls');
  one.update(change(secret('a-tls', pair(first)), secret('b-tls', pair(second), 'shop')));
  const before = served(one);
  const since = now.toISOString();
  const kept = `6 warning its last good version, of ${since}, keeps serving`;
  const bad: [Record<string, string>, string][] = [
    [{}, 'has no key "tls.crt"'],
    [{ 'tls.crt': first.cert }, 'has no key "tls.key"'],
    [{ ...pair(first), 'tls.crt': 'x' }, 'has no certificate in PEM under its key "tls.crt"'],
    [
      { ...pair(first), 'tls.key': 'x' },
      'has no private key in PEM, without a passphrase, under its key "tls.key"',
    ],
    [
      pair({ ...first, key: second.key }),
      'has a private key ("tls.key") that does not belong to its certificate ("tls.crt")',
    ],
    [pair(weak), 'has a certificate that TLS can not be spoken with: ee key too small'],
  ];
  for (const [data, message] of bad) {
    const { delta } = one.update(change(secret('a-tls', data)));
    expect(delta).toMatchObject({ upsertSecrets: [], removeSecrets: [] });
    expect(words(one)).toEqual([`6 error Secret/own/a-tls ${message}`, kept]);
    expect(served(one)).toEqual(before);
  }
  one.update({ ...change(), remove: [{ kind: 'Secret', namespace: 'own', name: 'a-tls' }] });
  expect(words(one)).toEqual(['6 error there is no Secret/own/a-tls', kept]);
  expect(served(one)).toEqual(before);
  one.update(change(secret('a-tls', pair(second))));
  expect(words(one)).toEqual([]);
});

test('one that clients will refuse is served, with a warning, also when only time has passed', () => {
  const one = translator('a-tls');
  one.update(change(secret('a-tls', pair(first))));
  expect(words(one)).toEqual([]);
  now = new Date(Date.now() + 11 * DAY_MS);
  expect(words(one)).toEqual([
    expect.stringMatching(
      /^6 warning Secret\/own\/a-tls has a certificate that expired at \d{4}-.*: renew it$/,
    ),
  ]);
  now = new Date(Date.now() - DAY_MS);
  expect(words(one)[0]).toMatch(/^6 warning .* is not valid before /);
  expect(served(one)).toHaveLength(1);
});

test('nothing that is said repeats a key', () => {
  const one = translator('a-tls');
  const key = first.key.replaceAll('\n', '');
  one.update(change(secret('a-tls', { 'tls.crt': first.key, 'tls.key': first.cert })));
  const said = JSON.stringify(one.findings);
  for (let at = 40; at + 20 < key.length - 40; at += 20) expect(said).not.toContain(key.slice(at, at + 20));
});

test('those whose Secret is as it was are not checked again', () => {
  const one = translator('a', 'b');
  let reads = 0;
  const counted = secret('a', pair(first));
  Object.defineProperty(counted.object, 'stringData', {
    get() {
      reads += 1;
      return pair(first);
    },
  });
  one.update(change(counted, secret('b', pair(first), 'shop')));
  const before = reads;
  expect(before).toBeGreaterThan(0);
  one.update(change(secret('b', pair(second), 'shop')));
  expect(reads).toBe(before);
});
