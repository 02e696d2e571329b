import { createPrivateKey, X509Certificate } from 'node:crypto';

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** DNS names among its subject alternative names (RFC 5280 section 4.2.1.6), in lower case: `shop.example`, `*.shop.example`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Tells it from every other one. */
  readonly fingerprint: string;
}

/**
 * Reads the first certificate of a PEM text. The common name counts for nothing: no client has looked at it for years.
 * @throws Error when there is none
 */
export function certificateFacts(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  return {
    names: dnsNames(certificate.subjectAltName ?? ''),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  };
}

/** Null, or what is wrong with a certificate chain and its key, in words that repeat neither. */
export function certificateFault(chain: string, key: string): string | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chain);
  } catch {
    return 'has no certificate in PEM under its key "tls.crt"';
  }
  try {
    const privateKey = createPrivateKey(key);
    return certificate.checkPrivateKey(privateKey)
      ? null
      : 'has a private key ("tls.key") that does not belong to its certificate ("tls.crt")';
  } catch {
    return 'has no private key in PEM, without a passphrase, under its key "tls.key"';
  }
}

/** Names with a quote are no DNS names: Node quotes what could be taken for several. */
function dnsNames(subjectAltName: string): readonly string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase())
    .filter((name) => /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name));
}
