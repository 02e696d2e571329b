/**
 * What stands in a policy's configuration in place of a secret: its name, never its text. Text travels apart, as
 * {@link SecretIr}, so that nothing which shows routes can show it.
 */
export interface SecretName {
  /** `Secret/namespace/name/key` */
  readonly secret: string;
}

/** A certificate of a listener: which one of its list, and the Secret that it comes from. */
export interface CertificateName {
  readonly listener: string;
  /** In the listener's list, from 0: the first one is for clients that ask for no name, or for an unknown one. */
  readonly place: number;
  readonly namespace: string;
  readonly name: string;
}

const CERTIFICATE = 'Certificate';

/**
 * The key of a certificate among the secrets. Its text is the chain, then the private key, in PEM: one text, so that no thread
 * ever has the one without the other.
 */
export function certificateKey({ listener, place, namespace, name }: CertificateName): string {
  return `${CERTIFICATE}/${listener}/${place}/${namespace}/${name}`;
}

/** Null: the key is that of another secret. */
export function parseCertificateKey(key: string): CertificateName | null {
  const [kind, listener, place, namespace, name] = key.split('/');
  if (kind !== CERTIFICATE || name === undefined) return null;
  return { listener: listener!, place: Number(place), namespace: namespace!, name };
}

/** A secret on its way to the threads. Never print one. */
export interface SecretIr {
  /** As in {@link SecretName}, or a {@link certificateKey}. */
  readonly key: string;
  readonly text: string;
}
