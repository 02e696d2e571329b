import { AckLog } from '../../control/acks.ts';
import type { Publisher } from '../../control/publisher.ts';
import { AckPoller } from '../../control/status/ack-poller.ts';
import { ReplicaProgress } from '../../control/status/progress.ts';
import { StatusControl } from '../../control/status/status-control.ts';
import type { AckPage } from '../../ir/acks.ts';
import type { Finding } from '../../ir/finding.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import type { ApiClient } from '../../sources/kubernetes/client/client.ts';
import { isOwnKind } from '../../sources/kubernetes/kinds.ts';
import { LeaderLease } from '../../sources/kubernetes/lease.ts';
import type { ReflectorFailure } from '../../sources/kubernetes/reflector.ts';
import { ReplicaWatch } from '../../sources/kubernetes/replica-watch.ts';
import type { KubernetesSource } from '../../sources/kubernetes/source.ts';
import { EventWriter } from '../../sources/kubernetes/status/events.ts';
import { StatusWriter } from '../../sources/kubernetes/status/writer.ts';
import type { ResourceChange } from '../../sources/source.ts';
import type { Translator } from '../../translate/translator.ts';
import type { Webhook } from '../admission/webhook.ts';
import type { GatewayHooks } from '../gateway-hooks.ts';
import type { TableStream } from '../stream/table-stream.ts';
import { VERSION } from '../version.ts';
import { sourceGauges } from './gauges.ts';
import { SavedTable } from './saved-table.ts';
import { TableKeeper } from './table-keeper.ts';

export interface ClusterControlOptions {
  readonly client: ApiClient;
  readonly source: KubernetesSource;
  /** Who writes: the field manager, the reporting controller and the name of the Lease. */
  readonly name: string;
  /** Namespace of the Lease and of the Service over the replicas. */
  readonly namespace: string;
  /** This replica: its pod's name. */
  readonly identity: string;
  /** Headless Service over all replicas; null: there is no other. */
  readonly replicaService: string | null;
  /** Folder of the last good table; null: none is kept. */
  readonly stateDir: string | null;
  /** Refuses objects before they are written; null: there is none. */
  readonly webhook: Webhook | null;
  /** To data planes that run apart; null: there are none. */
  readonly stream: TableStream | null;
  readonly onSourceFailure: (failure: ReflectorFailure) => void;
  readonly log: ProgramLog;
}

/** Threads are told what these say, and acknowledge it. */
const SERVED_KINDS = new Set(['GatewayRoute', 'Consumer']);
/** Name of the replica Service's port that leads to the admin server. */
const ADMIN_PORT = 'admin';

/**
 * What a gateway does besides serving when it lives in a cluster: it tells others what it has acknowledged, keeps its
 * last good table, takes part in the election of a leader, and writes statuses while it is the one.
 */
export class ClusterControl implements GatewayHooks {
  readonly #options: ClusterControlOptions;
  readonly #progress = new ReplicaProgress();
  readonly #lease: LeaderLease;
  readonly #writer: StatusWriter;
  readonly #status: StatusControl;
  #acks: AckLog | null = null;
  #keeper: TableKeeper | null = null;
  #poller: AckPoller | null = null;
  #replicas: ReplicaWatch | null = null;
  #closed = false;
  #restored = false;
  #synced = false;

  constructor(options: ClusterControlOptions) {
    this.#options = options;
    const { client, source, name, namespace, identity, log } = options;
    const { observed } = source;
    this.#lease = new LeaderLease({
      ...{ client, namespace, name, identity },
      onChange: (leading) => this.#lead(leading),
      onFailure: (error) =>
        log.warn({ event: 'leaseFailed', error }, 'the lease could not be held or looked at'),
    });
    this.#writer = new StatusWriter({
      ...{ client, observed },
      fieldManager: name,
      mayWrite: () => this.#lease.leading,
      events: new EventWriter({ client, controller: `portreeve.dev/${name}`, instance: identity }),
      onFailure: (object, error) =>
        log.warn({ event: 'statusFailed', object, error }, 'a status could not be written'),
    });
    this.#status = new StatusControl({
      progress: this.#progress,
      object: (key) => {
        const object = observed.get(key);
        if (object === undefined || !source.watches(object.ref.namespace)) return null;
        return { version: object.version, served: SERVED_KINDS.has(object.ref.kind) };
      },
      keys: () => [...observed.all()].map(({ ref }) => `${ref.kind}/${ref.namespace}/${ref.name}`),
      leading: () => this.#lease.leading,
      write: (key, version, conditions) => this.#writer.set(key, version, conditions),
      forget: (key) => this.#writer.forget(key),
    });
    observed.onChange((key) => this.#status.objectChanged(key));
    this.#progress.setReplicas(new Set([identity]));
  }

  created(publisher: Publisher, translator: Translator): void {
    const { stateDir, webhook, stream, log } = this.#options;
    webhook?.know(translator);
    const audience = stream?.audience(publisher, () => this.#acks?.attendanceChanged()) ?? publisher;
    this.#acks = new AckLog(audience, ({ kind }) => isOwnKind(kind));
    stream?.created(publisher);
    if (stateDir === null) return;
    this.#keeper = new TableKeeper(new SavedTable(stateDir, VERSION.version), publisher, log);
  }

  async restored(): Promise<void> {
    this.#restored = (await this.#keeper?.restore('the API server')) ?? false;
    // Nothing to go on with: the gateway waits for the API server.
    if (!this.#restored) await new Promise(() => {});
  }

  published(generation: number, change: ResourceChange): void {
    if (!this.#synced) this.#begin();
    this.#options.stream?.published();
    this.#acks?.published(generation, change);
    this.#status.published(change);
    this.#keeper?.published(change);
  }

  reviewed(findings: readonly Finding[]): void {
    this.#status.reviewed(findings);
  }

  async acks(epoch: string, cursor: number, waitMs: number): Promise<AckPage> {
    return this.#acks?.wait(epoch, cursor, waitMs) ?? { epoch: '', cursor: 0, attended: true, acks: [] };
  }

  *gauges(): Iterable<GaugeSample> {
    yield* this.#options.webhook?.gauges() ?? [];
    yield* this.#options.stream?.gauges() ?? [];
    yield* sourceGauges({
      states: this.#options.source.states(),
      requests: this.#options.client.requests,
      leading: this.#lease.leading,
      statusWrites: this.#writer.writes,
      statusWaiting: this.#writer.waiting,
      fromSavedTable: this.#restored && !this.#synced,
    });
  }

  async closing(): Promise<void> {
    this.#closed = true;
    this.#status.stop();
    await this.#options.webhook?.close();
    await this.#options.stream?.closing();
    await Promise.all([this.#writer.stop(), this.#keeper?.close()]);
    await Promise.all([this.#poller?.stop(), this.#replicas?.stop()]);
    await this.#lease.stop();
  }

  /** The first change is taken: only a replica that knows everything may lead. */
  #begin(): void {
    this.#synced = true;
    if (this.#closed) return;
    this.#lease.start();
    const leading = (): boolean => this.#lease.leading;
    this.#options.webhook?.begin(leading);
    this.#options.stream?.begin(leading);
    void this.#followOwn();
  }

  /** Our own acknowledgements need no detour over the network. */
  async #followOwn(): Promise<void> {
    const { identity } = this.#options;
    while (!this.#closed) {
      const { epoch, cursor } = this.#progress.position(identity) ?? { epoch: '', cursor: 0 };
      const page = await this.acks(epoch, cursor, 60_000);
      if (!this.#closed) this.#status.acknowledged(this.#progress.take(identity, page));
    }
  }

  #lead(leading: boolean): void {
    const { log, name } = this.#options;
    log.info({ event: leading ? 'leading' : 'notLeading', lease: name }, leading ? 'leading' : 'not leading');
    if (this.#closed) return;
    this.#options.webhook?.leaderChanged();
    this.#options.stream?.leaderChanged();
    if (leading) {
      this.#followReplicas();
      this.#status.all();
    } else void this.#forgetReplicas();
  }

  #followReplicas(): void {
    const { client, namespace, replicaService, identity, log, onSourceFailure } = this.#options;
    if (replicaService === null || this.#replicas !== null) return;
    this.#poller = new AckPoller({
      progress: this.#progress,
      onAcks: (keys) => this.#status.acknowledged(keys),
      onFailure: (replica, error) =>
        log.warn({ event: 'replicaSilent', replica, error }, 'a ready replica does not say what it serves'),
    });
    this.#replicas = new ReplicaWatch({
      client,
      service: { namespace, name: replicaService },
      portName: ADMIN_PORT,
      onReplicas: (replicas) => {
        const others = new Map([...replicas].filter(([name]) => name !== identity));
        this.#progress.setReplicas(new Set([identity, ...others.keys()]));
        this.#poller?.set(others);
        this.#status.all();
      },
      onFailure: onSourceFailure,
    });
    this.#replicas.start();
  }

  async #forgetReplicas(): Promise<void> {
    const [poller, replicas] = [this.#poller, this.#replicas];
    this.#poller = null;
    this.#replicas = null;
    await Promise.all([poller?.stop(), replicas?.stop()]);
    if (this.#replicas === null) this.#progress.setReplicas(new Set([this.#options.identity]));
  }
}
