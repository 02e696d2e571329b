import type { ApiClient } from './client/client.ts';
import type { KubeKind, KubeObject } from './client/object.ts';
import type { ReflectorFailure } from './reflector.ts';
import { type SecretData, type SeenSecret, WatchedObject, WatchedSecret } from './watched-secret.ts';

export interface WebhookObjectsOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Name of the Secret that holds the certificates. */
  readonly secret: string;
  /** Name of the ValidatingWebhookConfiguration that API servers read. */
  readonly configuration: string;
  /** It is tried again. */
  readonly onFailure: (failure: ReflectorFailure) => void;
}

const CONFIGURATION: KubeKind = {
  kind: 'ValidatingWebhookConfiguration',
  apiVersion: 'admissionregistration.k8s.io/v1',
  plural: 'validatingwebhookconfigurations',
};

interface WebhookEntry {
  readonly name: string;
  readonly clientConfig?: { readonly caBundle?: string };
}

/** The Secret with the webhook's certificates, and the configuration with what API servers trust. */
export class WebhookObjects {
  readonly #secret: WatchedSecret;
  readonly #configuration: WatchedObject;

  constructor({ client, namespace, secret, configuration, onFailure }: WebhookObjectsOptions) {
    this.#secret = new WatchedSecret({ client, namespace, name: secret, onFailure });
    this.#configuration = new WatchedObject({
      ...{ client, onFailure, kind: CONFIGURATION },
      namespace: null,
      name: configuration,
    });
  }

  /** As last seen: null when there is none, undefined before it was looked for. */
  secret(): SeenSecret | null | undefined {
    return this.#secret.secret;
  }

  /** PEM text; empty when it differs from webhook to webhook. As {@link secret} otherwise. */
  trusted(): string | null | undefined {
    const { seen } = this.#configuration;
    if (seen == null) return seen;
    const bundles = new Set(entriesOf(seen).map(({ clientConfig }) => clientConfig?.caBundle ?? ''));
    return bundles.size === 1 ? Buffer.from([...bundles].join(), 'base64').toString() : '';
  }

  /**
   * Puts data in the place of what was seen; null: where there was none.
   * @returns false when someone else has changed or created it since
   * @throws ApiError, Error
   */
  writeSecret(data: SecretData, seen: SeenSecret | null): Promise<boolean> {
    return this.#secret.replace(data, seen);
  }

  /** @returns false when someone else has changed it meanwhile */
  async writeTrusted(authorities: string): Promise<boolean> {
    const { seen } = this.#configuration;
    if (seen == null) return true;
    const caBundle = Buffer.from(authorities).toString('base64');
    const { resourceVersion } = seen.metadata;
    return await this.#configuration.write({
      method: 'PATCH',
      // Merges webhooks by name; the version refuses to bring one back that has been removed.
      contentType: 'application/strategic-merge-patch+json',
      body: {
        metadata: { resourceVersion },
        webhooks: entriesOf(seen).map((entry) => ({ name: entry.name, clientConfig: { caBundle } })),
      },
    });
  }

  start(onChange: () => void): void {
    this.#secret.start(onChange);
    this.#configuration.start(onChange);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#secret.stop(), this.#configuration.stop()]);
  }
}

function entriesOf(configuration: KubeObject): readonly WebhookEntry[] {
  return (configuration.webhooks as readonly WebhookEntry[] | undefined) ?? [];
}
