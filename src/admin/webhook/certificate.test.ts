import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CertificatePair, expiryOf, isServable, issueCertificate } from './certificate.ts';
import { issue, NAMES } from './testing.ts';

const NOW = Date.parse('2026-05-01T00:00:00Z');
const HOUR = 3_600_000;

describe('a certificate', () => {
  let pair: CertificatePair;
  let other: CertificatePair;
  beforeAll(async () => {
    [pair, other] = await Promise.all([issue(NOW), issue(NOW)]);
  });

  test('is what a TLS server needs, signed by its own authority', () => {
    const [ca, cert] = [new X509Certificate(pair.ca), new X509Certificate(pair.cert)];
    expect(ca.ca).toBe(true);
    expect(cert.ca).toBe(false);
    expect(cert.subjectAltName).toBe(NAMES.map((name) => `DNS:${name}`).join(', '));
    expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(cert.verify(ca.publicKey)).toBe(true);
    expect(cert.subject).not.toBe(ca.subject);
    expect(expiryOf(pair.cert)).toBe(NOW + HOUR);
    expect(isServable(pair, NAMES, NOW)).toBe(true);
  });

  test('is valid a little before it was made: the clocks of others are behind', () => {
    expect(new X509Certificate(pair.cert).validFromDate.getTime()).toBeLessThan(NOW - 60_000);
  });

  test.each([
    ['the key of another', (): CertificatePair => ({ ...pair, key: other.key })],
    ['the authority of another', (): CertificatePair => ({ ...pair, ca: other.ca })],
    ['a key that is none', (): CertificatePair => ({ ...pair, key: 'hello' })],
    ['an empty certificate', (): CertificatePair => ({ ...pair, cert: '' })],
    ['itself as its authority', (): CertificatePair => ({ ...pair, ca: pair.cert })],
  ])('is not served with %s', (_, edited) => {
    expect(isServable(edited(), NAMES, NOW)).toBe(false);
  });

  test('is not served after its end, or under other names', () => {
    expect(isServable(pair, NAMES, NOW + HOUR)).toBe(false);
    expect(isServable(pair, [...NAMES, 'other.test.svc'], NOW)).toBe(false);
  });

  test('has a name however long the Service is called', async () => {
    const name = `${'s'.repeat(63)}.${'n'.repeat(63)}.svc`;
    const long = await issueCertificate({ names: [name], nowMs: NOW, lifetimeMs: HOUR });
    expect(isServable(long, [name], NOW)).toBe(true);
    expect(new X509Certificate(long.cert).subject).not.toBe(new X509Certificate(long.cert).issuer);
  });
});

test('a text that is no certificate has no end', () => {
  expect(expiryOf('-----BEGIN CERTIFICATE-----')).toBeNull();
});
