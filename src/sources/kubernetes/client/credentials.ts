import { statSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
// The package's index loads every typed client, a second of start-up; its configuration alone is enough here.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** How to reach the API server, and who we are there, as of now. */
export interface Credentials {
  /** Base URL, without a slash at its end. */
  readonly server: string;
  readonly proxyUrl: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM texts; null where there is none. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly serverName: string | null;
  readonly skipVerify: boolean;
}

/** The file is looked at this often, and at once when the API server does not know us any more. */
const CHECK_EVERY_MS = 10_000;

/**
 * Credentials of a kubeconfig, or of the pod's service account. What rotates is picked up: certificate files are
 * read for each request, the service account's token every minute, the kubeconfig when the file has changed.
 */
export class CredentialsLoader {
  /** null: the pod's service account, or what `KUBECONFIG` and `~/.kube/config` say. */
  readonly #path: string | null;
  #config: KubeConfig;
  #stamp: string;
  #checkedAtMs = performance.now();

  /** @throws Error when the kubeconfig can't be read or names no cluster. */
  constructor(path: string | null) {
    this.#path = path;
    this.#stamp = this.#stampNow();
    this.#config = this.#load();
  }

  /** The namespace of the kubeconfig's context or of the pod; null when none is set. */
  get namespace(): string | null {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace ?? null;
  }

  async current(): Promise<Credentials> {
    if (performance.now() - this.#checkedAtMs > CHECK_EVERY_MS) this.#reloadWhenChanged();
    const cluster = this.#config.getCurrentCluster()!;
    const options: RequestOptions = { headers: {} };
    await this.#config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    const headers = { ...(options.headers as Record<string, string>) };
    if (options.auth) headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return {
      server: cluster.server.replace(/\/+$/, ''),
      proxyUrl: cluster.proxyUrl ?? null,
      headers,
      ca: pem(options.ca),
      cert: pem(options.cert),
      key: pem(options.key),
      serverName: options.servername ?? null,
      skipVerify: options.rejectUnauthorized === false,
    };
  }

  /** Reads everything anew: the API server answered 401. */
  reload(): void {
    try {
      this.#config = this.#load();
    } catch {
      // Half-written, most likely: the old credentials are tried until the file can be read.
    }
  }

  #reloadWhenChanged(): void {
    this.#checkedAtMs = performance.now();
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.reload();
  }

  #load(): KubeConfig {
    const config = new KubeConfig();
    if (this.#path !== null) config.loadFromFile(this.#path);
    else if (process.env.KUBERNETES_SERVICE_HOST && !process.env.KUBECONFIG) config.loadFromCluster();
    else config.loadFromDefault();
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new Error(`${this.#path ?? 'the kubeconfig'}: current-context names no cluster`);
    }
    return config;
  }

  #stampNow(): string {
    if (this.#path === null) return '';
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return '';
    }
  }
}

/** The package hands out the bytes of one PEM file. */
function pem(value: unknown): string | null {
  return Buffer.isBuffer(value) || typeof value === 'string' ? value.toString() : null;
}
