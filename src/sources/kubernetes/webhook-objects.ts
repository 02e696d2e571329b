import { type ApiClient, type ApiRequest, isConflict } from './client/client.ts';
import { type KubeKind, type KubeObject, pathOf } from './client/object.ts';
import { Reflector, type ReflectorDelta, type ReflectorFailure } from './reflector.ts';

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

const SECRET: KubeKind = { kind: 'Secret', apiVersion: 'v1', plural: 'secrets' };
const CONFIGURATION: KubeKind = {
  kind: 'ValidatingWebhookConfiguration',
  apiVersion: 'admissionregistration.k8s.io/v1',
  plural: 'validatingwebhookconfigurations',
};
const MANAGER = 'portreeve-webhook';
const LABELS = { 'app.kubernetes.io/name': 'portreeve' };
const TIMEOUT_MS = 10_000;

type SecretData = Readonly<Record<string, string>>;

interface SeenSecret {
  readonly data: SecretData;
  readonly version: string;
}

interface WebhookEntry {
  readonly name: string;
  readonly clientConfig?: { readonly caBundle?: string };
}

/**
 * The Secret with the webhook's certificates and the configuration with what API servers trust, each watched by its
 * name, so that reading costs no request and writing never undoes what another has written.
 */
export class WebhookObjects {
  readonly #options: WebhookObjectsOptions;
  #secret: KubeObject | null | undefined;
  #configuration: KubeObject | null | undefined;
  #reflectors: readonly Reflector[] = [];

  constructor(options: WebhookObjectsOptions) {
    this.#options = options;
  }

  /** As last seen: null when there is none, undefined before it was looked for. */
  secret(): SeenSecret | null | undefined {
    if (this.#secret == null) return this.#secret;
    const { data, metadata } = this.#secret;
    return { data: (data as SecretData | undefined) ?? {}, version: metadata.resourceVersion ?? '' };
  }

  /** PEM text; empty when it differs from webhook to webhook. As {@link secret} otherwise. */
  trusted(): string | null | undefined {
    if (this.#configuration == null) return this.#configuration;
    const bundles = new Set(
      entriesOf(this.#configuration).map(({ clientConfig }) => clientConfig?.caBundle ?? ''),
    );
    return bundles.size === 1 ? Buffer.from([...bundles].join(), 'base64').toString() : '';
  }

  /**
   * Puts data in the place of what was seen; null: where there was none.
   * @returns false when someone else has changed or created it since
   * @throws ApiError, Error
   */
  async writeSecret(data: SecretData, seen: SeenSecret | null): Promise<boolean> {
    const { namespace, secret: name } = this.#options;
    const written = await this.#write(
      seen === null
        ? {
            method: 'POST',
            path: pathOf(SECRET, namespace),
            body: {
              apiVersion: 'v1',
              kind: 'Secret',
              metadata: { name, labels: LABELS },
              type: 'Opaque',
              data,
            },
          }
        : {
            method: 'PATCH',
            path: pathOf(SECRET, namespace, name),
            contentType: 'application/merge-patch+json',
            // Labels and the like are another's; keys that are no more are null (RFC 7386).
            body: { metadata: { resourceVersion: seen.version }, data: { ...nulls(seen.data), ...data } },
          },
    );
    this.#secret = newer(this.#secret, written ?? this.#secret);
    return written !== null;
  }

  /** @returns false when someone else has changed it meanwhile */
  async writeTrusted(authorities: string): Promise<boolean> {
    const { configuration: name } = this.#options;
    const seen = this.#configuration;
    if (seen == null) return true;
    const caBundle = Buffer.from(authorities).toString('base64');
    const { resourceVersion } = seen.metadata;
    const written = await this.#write({
      method: 'PATCH',
      path: pathOf(CONFIGURATION, null, name),
      // Merges webhooks by name; the version refuses to bring one back that has been removed.
      contentType: 'application/strategic-merge-patch+json',
      body: {
        metadata: { resourceVersion },
        webhooks: entriesOf(seen).map((entry) => ({ name: entry.name, clientConfig: { caBundle } })),
      },
    });
    this.#configuration = newer(this.#configuration, written ?? this.#configuration);
    return written !== null;
  }

  start(onChange: () => void): void {
    const { client, namespace, secret, configuration, onFailure } = this.#options;
    const reflect = (
      kind: KubeKind,
      scope: string | null,
      name: string,
      see: (seen: KubeObject | null) => void,
    ) =>
      new Reflector({
        client,
        kind,
        selection: { namespace: scope, fieldSelector: `metadata.name=${name}` },
        onDelta: ({ upsert }: ReflectorDelta) => {
          see(upsert.at(-1) ?? null);
          onChange();
        },
        onFailure,
      });
    this.#reflectors = [
      reflect(SECRET, namespace, secret, (seen) => {
        this.#secret = newer(this.#secret, seen);
      }),
      reflect(CONFIGURATION, null, configuration, (seen) => {
        this.#configuration = newer(this.#configuration, seen);
      }),
    ];
    for (const reflector of this.#reflectors) reflector.start();
  }

  /** The object as it was written; null when another one was faster. */
  async #write(call: ApiRequest): Promise<KubeObject | null> {
    try {
      return await this.#options.client.json<KubeObject>({
        query: { fieldManager: MANAGER },
        timeoutMs: TIMEOUT_MS,
        ...call,
      });
    } catch (error) {
      if (isConflict(error)) return null;
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }
}

/** The watch tells of our own writes too, later than their answers did: it must not take us back. */
function newer(
  known: KubeObject | null | undefined,
  seen: KubeObject | null | undefined,
): KubeObject | null | undefined {
  const same = known != null && seen != null && known.metadata.uid === seen.metadata.uid;
  return same && Number(seen.metadata.resourceVersion) < Number(known.metadata.resourceVersion)
    ? known
    : seen;
}

function nulls(data: SecretData): Record<string, null> {
  return Object.fromEntries(Object.keys(data).map((key) => [key, null]));
}

function entriesOf(configuration: KubeObject): readonly WebhookEntry[] {
  return (configuration.webhooks as readonly WebhookEntry[] | undefined) ?? [];
}
