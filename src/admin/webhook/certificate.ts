import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto';

/** A serving certificate with its key and the authority that signed it; PEM texts. */
export interface CertificatePair {
  readonly ca: string;
  readonly cert: string;
  /** PKCS #8. Never logged. */
  readonly key: string;
}

export interface CertificateRequest {
  /** The names under which the webhook is called; the first is the common name. */
  readonly names: readonly [string, ...string[]];
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

/** Clocks of API servers may be behind ours by so much. */
const CLOCK_SKEW_MS = 300_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** RFC 5280 section 4.2.1.6: a general name that is a DNS name. */
const DNS_NAME = 'dns';
/** A common name is at most 64 characters (RFC 5280 appendix A.1). */
const MAX_COMMON_NAME = 64;

/**
 * A new serving certificate, signed by an authority of its own. The authority's key is forgotten here: it can sign
 * nothing else, so that whoever reads the Secret gets the webhook's certificate and no authority that API servers trust.
 */
export async function issueCertificate(request: CertificateRequest): Promise<CertificatePair> {
  const x509 = await loadX509();
  const { names, nowMs, lifetimeMs } = request;
  const validity = { notBefore: new Date(nowMs - CLOCK_SKEW_MS), notAfter: new Date(nowMs + lifetimeMs) };
  const [caKeys, keys] = await Promise.all([generateKeys(), generateKeys()]);
  const caName = commonName(`CA of ${names[0]}`);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: caName,
    keys: caKeys,
    signingAlgorithm: CURVE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const cert = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: commonName(names[0]),
    issuer: caName,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: CURVE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: DNS_NAME, value }))),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { ca: pem(ca.toString('pem')), cert: pem(cert.toString('pem')), key: wrapKey(key) };
}

/** When a certificate ends, in Unix milliseconds; null for a text that is none. */
export function expiryOf(certificate: string): number | null {
  try {
    return new X509Certificate(certificate).validToDate.getTime();
  } catch {
    return null;
  }
}

/** Whether the pair can be served under these names at this time: someone may have edited the Secret. */
export function isServable(
  { ca, cert, key }: CertificatePair,
  names: readonly string[],
  nowMs: number,
): boolean {
  try {
    const [authority, serving] = [new X509Certificate(ca), new X509Certificate(cert)];
    return (
      [authority, serving].every((one) => one.validToDate.getTime() > nowMs) &&
      names.every((name) => serving.checkHost(name) !== undefined) &&
      serving.checkIssued(authority) &&
      serving.verify(authority.publicKey) &&
      serving.checkPrivateKey(createPrivateKey(key))
    );
  } catch {
    return false;
  }
}

async function loadX509() {
  // Its dependency injection asks for this one first. Both are loaded only by whoever issues a certificate.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
}

function commonName(name: string): string {
  return `CN=${name.slice(0, MAX_COMMON_NAME)}`;
}

function pem(text: string): string {
  return `${text.trim()}\n`;
}

function wrapKey(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
