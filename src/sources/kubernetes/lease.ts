import { pause } from '../../lib/backoff.ts';
import { ApiError, errorMessage } from './client/api-error.ts';
import { type ApiClient, isConflict } from './client/client.ts';
import { type KubeKind, type KubeMeta, pathOf } from './client/object.ts';

const LEASE: KubeKind = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', plural: 'leases' };

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Differs from that of every other replica: the pod's name. */
  readonly identity: string;
  /** Called with each turn; never twice with the same. */
  readonly onChange: (leading: boolean) => void;
  readonly onFailure: (message: string) => void;
  readonly timing?: Partial<LeaseTiming>;
}

/** In the order of their lengths; the defaults are those of Kubernetes' own components. */
export interface LeaseTiming {
  /** Others take over when nothing was renewed for so long. */
  readonly durationMs: number;
  /** The holder gives up when it could not renew for so long. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

const TIMING: LeaseTiming = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

interface LeaseObject {
  readonly metadata: KubeMeta;
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
}

/**
 * Leader election by a Lease. Every `retryMs` one of three things happens:
 *   we hold it      it is renewed; when that fails we stop leading at once, and go on trying;
 *   another does    we look whether it was renewed, by our own clock: clocks of machines differ;
 *   nobody does     we take it; of several that try, the API server lets one.
 */
export class LeaderLease {
  readonly #options: LeaseOptions;
  readonly #timing: LeaseTiming;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #leading = false;
  #seen: LeaseObject | null = null;
  /** When `#seen` was last different, in milliseconds of `performance.now()`. */
  #seenAtMs = 0;
  #renewedAtMs = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** Whether we may write. */
  get leading(): boolean {
    return this.#leading && performance.now() - this.#renewedAtMs < this.#timing.renewDeadlineMs;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Gives the lease back, so that another need not wait for its end. */
  async stop(): Promise<void> {
    const held = this.#leading;
    this.#abort.abort();
    await this.#running;
    this.#lead(false);
    if (held) await this.#release().catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { retryMs } = this.#timing;
    while (!signal.aborted) {
      const startedAtMs = performance.now();
      try {
        const held = await this.#tryHold();
        if (held) this.#renewedAtMs = startedAtMs;
        if (!signal.aborted) this.#lead(held);
      } catch (error) {
        if (signal.aborted) return;
        this.#lead(false);
        this.#options.onFailure(errorMessage(error));
      }
      // Replicas that started together shall not ask together.
      await pause(retryMs * (this.#leading ? 1 : 1 + Math.random() * 0.2), signal);
    }
  }

  /** Whether it is ours now. */
  async #tryHold(): Promise<boolean> {
    const { identity } = this.#options;
    if (this.#leading && this.#seen !== null) {
      try {
        this.#see(await this.#write(this.#seen));
        return true;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    const found = await this.#read();
    if (found !== null) this.#see(found);
    const holder = found?.spec?.holderIdentity ?? '';
    if (found !== null && holder !== '' && holder !== identity && !this.#expired(found)) return false;
    try {
      this.#see(await this.#write(found));
      return true;
    } catch (error) {
      // Another one was faster.
      if (isConflict(error)) return false;
      throw error;
    }
  }

  #expired({ spec }: LeaseObject): boolean {
    const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1000 || this.#timing.durationMs;
    return performance.now() - this.#seenAtMs > durationMs;
  }

  #see(lease: LeaseObject): void {
    const version = lease.metadata.resourceVersion;
    if (this.#seen?.metadata.resourceVersion !== version) this.#seenAtMs = performance.now();
    this.#seen = lease;
  }

  async #read(): Promise<LeaseObject | null> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.json<LeaseObject>({ path: pathOf(LEASE, namespace, name), ...this.#limits() });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /** Makes it ours, or renews it: only if nobody has changed it since it was seen. */
  #write(seen: LeaseObject | null): Promise<LeaseObject> {
    const { client, namespace, name, identity } = this.#options;
    const now = microTime();
    const same = seen?.spec?.holderIdentity === identity;
    const body = {
      apiVersion: LEASE.apiVersion,
      kind: LEASE.kind,
      metadata: seen === null ? { name, namespace } : seen.metadata,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.ceil(this.#timing.durationMs / 1000)),
        acquireTime: (same ? seen.spec?.acquireTime : null) ?? now,
        renewTime: now,
        leaseTransitions: (seen?.spec?.leaseTransitions ?? 0) + (same || seen === null ? 0 : 1),
      },
    };
    return seen === null
      ? client.json({ method: 'POST', path: pathOf(LEASE, namespace), body, ...this.#limits() })
      : client.json({ method: 'PUT', path: pathOf(LEASE, namespace, name), body, ...this.#limits() });
  }

  async #release(): Promise<void> {
    const { client, namespace, name } = this.#options;
    if (this.#seen === null) return;
    const { metadata, spec } = this.#seen;
    const body = {
      ...{ apiVersion: LEASE.apiVersion, kind: LEASE.kind, metadata },
      spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() },
    };
    await client.json({ method: 'PUT', path: pathOf(LEASE, namespace, name), body, timeoutMs: 2_000 });
  }

  #limits(): { readonly signal: AbortSignal; readonly timeoutMs: number } {
    return { signal: this.#abort.signal, timeoutMs: this.#timing.renewDeadlineMs };
  }

  #lead(leading: boolean): void {
    if (leading === this.#leading) return;
    this.#leading = leading;
    this.#options.onChange(leading);
  }
}

/** `V1MicroTime`: RFC 3339 with six digits of a second; the API server refuses others. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
