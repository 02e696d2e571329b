import type { ReadinessWarning } from '../admin/view.ts';
import { parseCertificateKey, type SecretIr } from '../ir/secret.ts';
import type { ListenerIr } from '../ir/settings.ts';
import { certificateFacts } from '../lib/certificate.ts';
import type { GaugeSample } from '../observe/metrics-page.ts';

/** Listeners whose every handshake fails: the gateway stays ready, for a certificate may be on its way by another of them. */
export function certificateWarnings(
  listeners: readonly ListenerIr[],
  secrets: readonly SecretIr[],
): readonly ReadinessWarning[] {
  const served = new Set(secrets.map(({ key }) => parseCertificateKey(key)?.listener));
  return listeners
    .filter(({ name, transport }) => transport.kind === 'tls' && !served.has(name))
    .map(({ name }) => ({
      code: 'listenerWithoutCertificate',
      message: `Listener ${name} has no certificate yet: TLS handshakes fail. See the findings about certificateRefs.`,
    }));
}

/** A scrape must not read a thousand certificates again. */
const expiries = new WeakMap<SecretIr, number>();

function expiryMs(secret: SecretIr): number {
  const known = expiries.get(secret);
  if (known !== undefined) return known;
  const { notAfterMs } = certificateFacts(secret.text);
  expiries.set(secret, notAfterMs);
  return notAfterMs;
}

/** When each certificate that is served expires. */
export function* certificateGauges(secrets: readonly SecretIr[]): Iterable<GaugeSample> {
  for (const secret of secrets) {
    const name = parseCertificateKey(secret.key);
    if (name === null) continue;
    yield {
      name: 'gateway_tls_certificate_expiry_seconds',
      help: 'When the certificate that a listener shows expires, in Unix seconds.',
      labels: { listener: name.listener, secret: `${name.namespace}/${name.name}` },
      value: expiryMs(secret) / 1000,
    };
  }
}
