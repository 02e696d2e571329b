import { X509Certificate } from 'node:crypto';
import { stringify } from 'yaml';
import { type CertificatePair, issueCertificate } from '../../../src/admin/webhook/certificate.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A certificate for these names, good for a day, signed by an authority of its own. */
export function certificateFor(...names: [string, ...string[]]): Promise<CertificatePair> {
  return issueCertificate({ names, nowMs: Date.now(), lifetimeMs: DAY_MS });
}

/** The text of a Secret that holds it, as cert-manager makes it. */
export function secretWith(name: string, { cert, key }: Pick<CertificatePair, 'cert' | 'key'>): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(cert), 'tls.key': base64(key) },
  });
}

export function fingerprintOf({ cert }: Pick<CertificatePair, 'cert'>): string {
  return new X509Certificate(cert).fingerprint256;
}

/** Settings of a listener with TLS on a free port. */
export function tlsListener(
  secrets: readonly string[],
  name = 'https',
  more: Readonly<Record<string, unknown>> = {},
) {
  const certificateRefs = secrets.map((secret) => ({ name: secret }));
  return { name, address: '127.0.0.1', port: 0, tls: { certificateRefs, ...more } };
}
