import type { ApiClient } from './client/client.ts';
import type { ReflectorFailure } from './reflector.ts';
import { type SecretData, type SeenSecret, WatchedSecret } from './watched-secret.ts';

export interface StreamSecretOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** It is tried again. */
  readonly onFailure: (failure: ReflectorFailure) => void;
}

/** What data planes trust. They have this key of the Secret mounted, and no other. */
const TRUSTED = 'trusted.crt';

/** The Secret with the certificates of the stream to data planes, and beside them the authorities that those trust. */
export class StreamSecret {
  readonly #secret: WatchedSecret;

  constructor(options: StreamSecretOptions) {
    this.#secret = new WatchedSecret(options);
  }

  /** The certificates as last seen: null when there is no Secret, undefined before it was looked for. */
  secret(): SeenSecret | null | undefined {
    const { secret } = this.#secret;
    if (secret == null) return secret;
    const { [TRUSTED]: _, ...data } = secret.data;
    return { data, version: secret.version };
  }

  /** PEM text; empty when there is none yet. As {@link secret} otherwise. */
  trusted(): string | null | undefined {
    const { secret } = this.#secret;
    return secret == null ? secret : Buffer.from(secret.data[TRUSTED] ?? '', 'base64').toString();
  }

  /**
   * Puts certificates in the place of those that were seen; null: where there was no Secret.
   * @returns false when someone else has changed or created it since
   * @throws ApiError, Error
   */
  writeSecret(data: SecretData, seen: SeenSecret | null): Promise<boolean> {
    return this.#secret.replace(data, seen);
  }

  /** @returns false when someone else has changed it meanwhile */
  async writeTrusted(authorities: string): Promise<boolean> {
    const { secret } = this.#secret;
    if (secret == null) return true;
    const data = { [TRUSTED]: Buffer.from(authorities).toString('base64') };
    return await this.#secret.merge(data, secret.version);
  }

  start(onChange: () => void): void {
    this.#secret.start(onChange);
  }

  stop(): Promise<void> {
    return this.#secret.stop();
  }
}
