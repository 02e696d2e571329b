/**
 * What stands in a policy's configuration in place of a secret: its name, never its text. Text travels apart, as
 * {@link SecretIr}, so that nothing which shows routes can show it.
 */
export interface SecretName {
  /** `Secret/namespace/name/key` */
  readonly secret: string;
}

/** A secret on its way to the threads. Never print one. */
export interface SecretIr {
  /** As in {@link SecretName}. */
  readonly key: string;
  readonly text: string;
}
