/** Where a secret is read from when it is needed; settings never hold it. */
export type SecretPlace =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A Redis connection of the gateway's configuration. */
export interface RedisIr {
  readonly name: string;
  readonly topology:
    | { readonly kind: 'single'; readonly address: HostPort }
    | { readonly kind: 'sentinel'; readonly master: string; readonly addresses: readonly HostPort[] }
    | { readonly kind: 'cluster'; readonly addresses: readonly HostPort[] };
  readonly username: string | null;
  readonly password: SecretPlace | null;
  readonly tls: boolean;
  /** 0 with a cluster. */
  readonly database: number;
  /** What one request may spend on it. */
  readonly timeoutMs: number;
}
