import type { CertificatePair } from './certificate.ts';
import type { CertificateState } from './rotation.ts';

/** Keys and values of a Secret: base64 of texts. */
export type SecretData = Readonly<Record<string, string>>;

const PREVIOUS_CA = 'previous-ca.crt';
/** The pair that is served has the keys that other programs know; the next one the same with a prefix. */
const NEXT = 'next-';

/** The state as data of the Secret that replicas share. */
export function encodeState({ current, next, previousCa }: CertificateState): SecretData {
  const texts: Record<string, string> = { ...pairTexts(current, ''), ...pairTexts(next, NEXT) };
  if (previousCa !== null) texts[PREVIOUS_CA] = previousCa;
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );
}

/** The inverse of {@link encodeState}. What is incomplete is not there; whether the rest is any good is not told. */
export function decodeState(data: SecretData): CertificateState {
  const text = (name: string): string | null => {
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    return value === undefined ? null : Buffer.from(value, 'base64').toString();
  };
  const pair = (prefix: string): CertificatePair | null => {
    const [ca, cert, key] = [text(`${prefix}ca.crt`), text(`${prefix}tls.crt`), text(`${prefix}tls.key`)];
    return ca === null || cert === null || key === null ? null : { ca, cert, key };
  };
  return { current: pair(''), next: pair(NEXT), previousCa: text(PREVIOUS_CA) };
}

function pairTexts(pair: CertificatePair | null, prefix: string): Record<string, string> {
  if (pair === null) return {};
  return {
    [`${prefix}ca.crt`]: pair.ca,
    [`${prefix}tls.crt`]: pair.cert,
    [`${prefix}tls.key`]: pair.key,
  };
}
