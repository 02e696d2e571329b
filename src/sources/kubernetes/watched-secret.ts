import { type ApiClient, type ApiRequest, isConflict } from './client/client.ts';
import { type KubeKind, type KubeObject, pathOf } from './client/object.ts';
import { Reflector, type ReflectorDelta, type ReflectorFailure } from './reflector.ts';

export interface WatchedObjectOptions {
  readonly client: ApiClient;
  readonly kind: KubeKind;
  /** null: an object of the cluster. */
  readonly namespace: string | null;
  readonly name: string;
  /** It is tried again. */
  readonly onFailure: (failure: ReflectorFailure) => void;
}

export type SecretData = Readonly<Record<string, string>>;

export interface SeenSecret {
  readonly data: SecretData;
  readonly version: string;
}

const SECRET: KubeKind = { kind: 'Secret', apiVersion: 'v1', plural: 'secrets' };

const MANAGER = 'portreeve-webhook';
const LABELS = { 'app.kubernetes.io/name': 'portreeve' };
const TIMEOUT_MS = 10_000;

/** One object that is watched by its name, so that reading costs no request. */
export class WatchedObject {
  readonly #options: WatchedObjectOptions;
  #seen: KubeObject | null | undefined;
  #reflector: Reflector | null = null;

  constructor(options: WatchedObjectOptions) {
    this.#options = options;
  }

  /** As last seen: null when there is none, undefined before it was looked for. */
  get seen(): KubeObject | null | undefined {
    return this.#seen;
  }

  start(onChange: () => void): void {
    const { client, kind, namespace, name, onFailure } = this.#options;
    this.#reflector = new Reflector({
      client,
      kind,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      onDelta: ({ upsert }: ReflectorDelta) => {
        this.#seen = newer(this.#seen, upsert.at(-1) ?? null);
        onChange();
      },
      onFailure,
    });
    this.#reflector.start();
  }

  /**
   * @returns whether it was written: false when another one was faster
   * @throws ApiError, Error
   */
  async write(call: Omit<ApiRequest, 'path'>): Promise<boolean> {
    const { client, kind, namespace, name } = this.#options;
    try {
      const written = await client.json<KubeObject>({
        path: pathOf(kind, namespace, call.method === 'POST' ? undefined : name),
        query: { fieldManager: MANAGER },
        timeoutMs: TIMEOUT_MS,
        ...call,
      });
      this.#seen = newer(this.#seen, written);
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#reflector?.stop();
  }
}

/** A Secret whose data is written only over what was seen, so that nothing undoes what another has written. */
export class WatchedSecret extends WatchedObject {
  readonly #name: string;

  constructor(options: Omit<WatchedObjectOptions, 'kind'>) {
    super({ ...options, kind: SECRET });
    this.#name = options.name;
  }

  get secret(): SeenSecret | null | undefined {
    if (this.seen == null) return this.seen;
    const { data, metadata } = this.seen;
    return { data: (data as SecretData | undefined) ?? {}, version: metadata.resourceVersion ?? '' };
  }

  /**
   * Puts data in the place of what was seen; null: where there was none.
   * @returns false when someone else has changed or created it since
   * @throws ApiError, Error
   */
  replace(data: SecretData, seen: SeenSecret | null): Promise<boolean> {
    if (seen !== null) return this.merge({ ...nulls(seen.data), ...data }, seen.version);
    const metadata = { name: this.#name, labels: LABELS };
    return this.write({
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data },
    });
  }

  /** Labels and the like are another's; keys that are no more are null (RFC 7386). */
  merge(data: Readonly<Record<string, string | null>>, resourceVersion: string): Promise<boolean> {
    return this.write({
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { metadata: { resourceVersion }, data },
    });
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
