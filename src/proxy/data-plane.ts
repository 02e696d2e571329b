import { TableBuilder } from '../compile/builder.ts';
import { ConsumerPlans } from '../compile/consumer-plans.ts';
import type { EndpointsIr } from '../ir/cluster.ts';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { BindFailure, ControlMessage, ThreadMessage, ThreadStart } from '../ir/messages.ts';
import { matcher } from '../lib/cidr.ts';
import type { AccessLogWriter } from '../observe/access-record.ts';
import { emptyAccessRecord } from '../observe/access-record.ts';
import type { ThreadMetrics } from '../observe/thread-metrics.ts';
import type { PolicyCatalogue, PolicyEnv } from '../pipeline/policy.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { TicketKeys } from '../state/ticket-keys.ts';
import { BodyBudget } from './body/budget.ts';
import type { Rule, ThreadContext } from './context.ts';
import { ExchangePool } from './exchange/pool.ts';
import { HeadMemo } from './http1/head-memo.ts';
import { Listener } from './listener.ts';
import { RouteMetricsIndex } from './route-metrics.ts';
import type { UpstreamCluster } from './upstream/cluster.ts';
import { UpstreamRegistry } from './upstream/registry.ts';
import { Wheel } from './wheel.ts';

/** Connections without a request may still get one that is on its way: they are closed only after this. */
const IDLE_GRACE_MS = 250;
const DRAIN_POLL_MS = 20;

export interface DataPlaneOptions {
  readonly start: ThreadStart;
  readonly metrics: ThreadMetrics;
  readonly accessLog: AccessLogWriter;
  readonly policies: PolicyCatalogue;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly post: (message: ThreadMessage) => void;
}

/** One data-plane thread: applies what the control thread publishes, and serves. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #context: ThreadContext;
  readonly #upstreams: UpstreamRegistry;
  readonly #builder: TableBuilder<UpstreamCluster>;
  readonly #routeMetrics: RouteMetricsIndex;
  /** Texts by key. */
  readonly #secrets = new Map<string, string>();
  readonly #consumers = new ConsumerDirectory((key) => this.#secrets.get(key));
  readonly #plans: ConsumerPlans;
  readonly #listeners: readonly Listener[];
  /** Rules of the table that could not be bound. */
  #failures: readonly BindFailure[] = [];

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    const { settings, threadId } = options.start;
    const wheel = new Wheel();
    const askedSecrets = new Set<string>();
    this.#upstreams = new UpstreamRegistry(settings, wheel, options.metrics, (error) => this.onFault(error));
    this.#routeMetrics = new RouteMetricsIndex(options.metrics);
    const policyEnv: PolicyEnv = {
      threadId,
      limits: options.start.limits,
      cache: options.start.cache,
      cacheHits: options.metrics.cacheHits,
      cacheMisses: options.metrics.cacheMisses,
      redis: settings.redis,
      outbound: settings.outbound,
      secret: ({ secret }) => {
        askedSecrets.add(secret);
        const text = this.#secrets.get(secret);
        if (text === undefined) throw new Error(`${secret} is not known to this thread`);
        return text;
      },
      consumers: (namespace) => this.#consumers.in(namespace),
      consumer: (key) => this.#consumers.byKey(key),
      rateLimitHits: (limiterType) => options.metrics.rateLimitHits(limiterType),
      authenticationRefusals: (policy, reason) => options.metrics.authenticationRefusals(policy, reason),
      shadowOutcomes: (policy, outcome) => options.metrics.shadowOutcomes(policy, outcome),
      overloadShed: (priority) => options.metrics.overloadShed(priority),
      overloadPressure: () => options.metrics.overloadPressure(),
      log: options.log,
    };
    this.#plans = new ConsumerPlans(options.policies, policyEnv, () =>
      this.#acknowledge(this.#context.table.generation),
    );
    this.#builder = new TableBuilder<UpstreamCluster>({
      bindUpstream: (key) => this.#upstreams.get(key),
      policies: options.policies,
      askedSecrets,
      policyEnv,
      consumerSteps: this.#plans,
      defaults: settings.timeouts,
    });
    const isTrusted = matcher(settings.trustedProxies);
    this.#context = {
      settings,
      wheel,
      metrics: options.metrics,
      accessLog: options.accessLog,
      record: emptyAccessRecord(),
      viaLines: viaLines(settings.via),
      requestMemo: new HeadMemo(),
      bodyBudget: new BodyBudget(settings.limits.maxHeldBodyBytes),
      table: this.#builder.apply(NO_CHANGE, 0).table,
      draining: false,
      isTrusted,
      routeMetrics: (entry, service) => this.#routeMetrics.get(entry, service),
      onRetiredRuleIdle: (rule) => this.#onRetiredRuleIdle(rule),
      log: options.log,
      onFault: (error) => this.onFault(error),
    };
    const exchanges = new ExchangePool();
    const ticketKeys = new TicketKeys(options.start.ticketKeys);
    this.#listeners = settings.listeners.map((ir) => new Listener(ir, this.#context, exchanges, ticketKeys));
  }

  /** What policies hold of bodies now. */
  get heldBodyBytes(): number {
    return this.#context.bodyBudget.usedBytes;
  }

  /** An exception that nobody caught: the thread serves on. */
  onFault(error: unknown): void {
    this.#options.metrics.error('internal', 'gateway');
    this.#options.log('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  receive(message: ControlMessage): void {
    switch (message.type) {
      case 'stage':
        this.#learn(message);
        this.#builder.stage(message.delta);
        return;
      case 'apply':
        this.#apply(message);
        return;
      case 'endpoints':
        this.#setEndpoints(message.endpoints);
        return;
      case 'listen':
        void this.#listen();
        return;
      case 'drain':
        void this.#drain(message.timeoutMs);
        return;
      case 'stop':
        this.#stop();
    }
  }

  /** What routes refer to, before they are compiled. */
  #learn({ delta, endpoints }: ControlMessage & { type: 'apply' | 'stage' }): void {
    for (const cluster of delta.upsertClusters) this.#upstreams.upsert(cluster);
    for (const { key, text } of delta.upsertSecrets) this.#secrets.set(key, text);
    for (const listener of this.#listeners) listener.applySecrets(delta);
    this.#consumers.apply(delta.upsertConsumers, delta.removeConsumers);
    this.#plans.apply(delta);
    if (delta.upsertSecrets.length + delta.removeSecrets.length > 0) this.#consumers.secretsChanged();
    this.#setEndpoints(endpoints);
  }

  #apply(message: ControlMessage & { type: 'apply' }): void {
    const { generation, delta } = message;
    this.#learn(message);
    const { table, failures, retired } = this.#builder.apply(delta, generation);
    this.#context.table = table;
    for (const rule of retired) {
      if (rule.active === 0) this.#close(rule);
      else for (const cluster of clustersOf(rule)) cluster.hold();
    }
    for (const key of delta.removeClusters) this.#upstreams.remove(key);
    for (const key of delta.removeSecrets) this.#secrets.delete(key);
    this.#options.metrics.setGeneration(generation);
    this.#failures = failures;
    this.#acknowledge(generation);
  }

  #acknowledge(generation: number): void {
    const failures = [...this.#failures, ...this.#plans.failures];
    this.#options.post({ type: 'ack', generation, failures });
  }

  #setEndpoints(endpoints: readonly EndpointsIr[]): void {
    for (const one of endpoints) this.#upstreams.setEndpoints(one);
  }

  #onRetiredRuleIdle(rule: Rule): void {
    this.#close(rule);
    for (const cluster of clustersOf(rule)) cluster.letGo();
  }

  /** No request walks this rule, and none ever will. */
  #close(rule: Rule): void {
    this.#routeMetrics.release(rule);
    for (const { name, policy } of rule.steps) {
      try {
        policy.close?.();
      } catch (error) {
        this.#options.log('error', `policy ${name} did not close: ${String(error)}`);
      }
    }
  }

  async #listen(): Promise<void> {
    const ports: { listener: string; port: number }[] = [];
    for (const listener of this.#listeners) {
      try {
        ports.push({ listener: listener.name, port: await listener.listen() });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#options.post({ type: 'listenFailed', listener: listener.name, message });
        return;
      }
    }
    this.#options.post({ type: 'listening', ports });
  }

  /**
   * Accepts no more; every answer now closes its connection. A connection without a request is left open a moment,
   * for one that the client has already sent; then it is closed.
   */
  async #drain(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    this.#context.draining = true;
    for (const listener of this.#listeners) listener.stopAccepting();
    await sleep(Math.min(IDLE_GRACE_MS, timeoutMs));
    while (this.#openConnections() > 0 && performance.now() < deadlineMs) {
      for (const listener of this.#listeners) listener.closeIdle();
      await sleep(DRAIN_POLL_MS);
    }
    let aborted = 0;
    for (const listener of this.#listeners) aborted += listener.destroyAll();
    this.#options.accessLog.flush();
    this.#options.post({ type: 'drained', aborted });
  }

  #openConnections(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.openConnections, 0);
  }

  #stop(): void {
    for (const listener of this.#listeners) {
      listener.stopAccepting();
      listener.destroyAll();
    }
    this.#upstreams.closeAll();
    this.#options.accessLog.flush();
    this.#options.metrics.close();
  }
}

function viaLines(via: string | null): [string, string] {
  return via === null ? ['', ''] : [`Via: 1.0 ${via}\r\n`, `Via: 1.1 ${via}\r\n`];
}

/** What the requests of a rule may ask for. */
function clustersOf(rule: Rule): readonly UpstreamCluster[] {
  const { action } = rule;
  if (action.kind !== 'forward') return [];
  return [...action.backends, ...action.mirrors].map(({ upstream }) => upstream);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
