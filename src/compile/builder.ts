import type { IrDelta } from '../ir/gateway.ts';
import type { BindFailure } from '../ir/messages.ts';
import type { RouteIr } from '../ir/route.ts';
import { clustersOf } from './action.ts';
import { compileGuard, Entry, type Guard, rankOf } from './entry.ts';
import type { EditToken } from './hashmap.ts';
import { EMPTY_INDEX, type HostIndex, insertEntry, removeEntry } from './hostindex.ts';
import { Router } from './router.ts';
import { bindRule, type CompileEnv } from './rule.ts';
import { messageOf } from './step.ts';
import type { CompiledRule, RoutingTable } from './table.ts';

/** What one `apply` made. */
export interface Applied<U> {
  readonly table: RoutingTable<U>;
  /** Every rule of this table that could not be bound, not only those of the last change. */
  readonly failures: readonly BindFailure[];
  /**
   * Rules that the table no longer has. Their `retired` is set; close their policies when `active` is 0,
   * which it may be already.
   */
  readonly retired: readonly CompiledRule<U>[];
}

/** A route as it stands in the table: what must go when it changes. */
interface BoundRoute<U> {
  readonly ir: RouteIr;
  readonly rules: readonly CompiledRule<U>[];
  readonly entries: readonly Entry<U>[];
  readonly failures: readonly BindFailure[];
  /** Each once. Lists: a set takes some two hundred bytes, for each of ten thousand routes. */
  readonly clusters: readonly string[];
  /** Keys of the secrets that its policies were bound with, each once. */
  readonly secrets: readonly string[];
}

/** A cluster that routes refer to. */
interface ClusterUse<U> {
  /** null: it could not be bound. */
  upstream: U | null;
  readonly routeKeys: Set<string>;
}

/**
 * Turns changes of the IR into routing tables. The cost of a change follows the change: routes that are
 * not named in it are neither compiled nor moved, and a table made earlier stays as it was.
 */
export class TableBuilder<U> {
  readonly #env: CompileEnv<U>;
  readonly #routes = new Map<string, BoundRoute<U>>();
  readonly #failed = new Set<BoundRoute<U>>();
  readonly #clusters = new Map<string, ClusterUse<U>>();
  /** Keys of routes by the secrets that they were bound with. */
  readonly #secretUsers = new Map<string, Set<string>>();
  #index: HostIndex<U> = EMPTY_INDEX;
  #size = 0;
  /** What was made with it is part of no table yet, and is changed in place. */
  #token: EditToken = {};
  /** Rules that the next table no longer has. */
  #retired: CompiledRule<U>[] = [];

  /** `bindUpstream` is asked again when a cluster is upserted: same answer, same routes. */
  constructor(env: CompileEnv<U>) {
    this.#env = env;
  }

  /** Clusters of the delta must already be known to `bindUpstream`, secrets to `policyEnv`. Removals go before upserts. */
  apply(delta: IrDelta, generation: number): Applied<U> {
    this.stage(delta);
    const retired = this.#retired;
    this.#token = {};
    this.#retired = [];
    return {
      table: new Router(generation, this.#size, this.#index),
      failures: [...this.#failed].flatMap(({ failures }) => failures),
      retired,
    };
  }

  /** A part of the next table, which the next `apply` makes. */
  stage(delta: IrDelta): void {
    for (const key of delta.removeRoutes) this.#remove(key);
    const changed = new Map(delta.upsertRoutes.map((route) => [route.key, route]));
    for (const { key } of delta.upsertClusters) this.#addUsersOf(key, changed);
    for (const { key } of delta.upsertSecrets) this.#addRoutes(this.#secretUsers.get(key), changed);
    if (this.#env.consumerSteps.takeGrown()) this.#addRoutes([...this.#routes.keys()], changed);
    for (const route of changed.values()) {
      this.#remove(route.key);
      this.#add(route);
    }
  }

  /** A cluster whose upstream is another one now takes its routes along. */
  #addUsersOf(clusterKey: string, changed: Map<string, RouteIr>): void {
    const use = this.#clusters.get(clusterKey);
    if (use === undefined || use.upstream === this.#tryBind(clusterKey)) return;
    this.#addRoutes(use.routeKeys, changed);
  }

  #addRoutes(keys: Iterable<string> | undefined, changed: Map<string, RouteIr>): void {
    for (const key of keys ?? []) {
      const route = this.#routes.get(key);
      if (route !== undefined && !changed.has(key)) changed.set(key, route.ir);
    }
  }

  #tryBind(clusterKey: string): U | null {
    try {
      return this.#env.bindUpstream(clusterKey);
    } catch {
      return null;
    }
  }

  #add(ir: RouteIr): void {
    const route = compileRoute(ir, this.#env);
    this.#routes.set(ir.key, route);
    if (route.failures.length > 0) this.#failed.add(route);
    for (const key of route.clusters) {
      const use = this.#clusters.get(key) ?? { upstream: null, routeKeys: new Set() };
      use.upstream = this.#tryBind(key);
      use.routeKeys.add(ir.key);
      this.#clusters.set(key, use);
    }
    for (const secret of route.secrets) {
      const users = this.#secretUsers.get(secret) ?? new Set();
      this.#secretUsers.set(secret, users.add(ir.key));
    }
    for (const entry of route.entries) this.#index = insertEntry(this.#index, entry, this.#token);
    this.#size += route.entries.length;
  }

  #remove(key: string): void {
    const route = this.#routes.get(key);
    if (route === undefined) return;
    this.#routes.delete(key);
    this.#failed.delete(route);
    for (const cluster of route.clusters) {
      const use = this.#clusters.get(cluster);
      use?.routeKeys.delete(key);
      if (use?.routeKeys.size === 0) this.#clusters.delete(cluster);
    }
    for (const secret of route.secrets) {
      const users = this.#secretUsers.get(secret);
      users?.delete(key);
      if (users?.size === 0) this.#secretUsers.delete(secret);
    }
    for (const entry of route.entries) this.#index = removeEntry(this.#index, entry, this.#token);
    this.#size -= route.entries.length;
    for (const rule of route.rules) {
      rule.retired = true;
      this.#retired.push(rule);
    }
  }
}

function compileRoute<U>(ir: RouteIr, env: CompileEnv<U>): BoundRoute<U> {
  const rules: CompiledRule<U>[] = [];
  const entries: Entry<U>[] = [];
  const failures: BindFailure[] = [];
  env.askedSecrets.clear();
  const hosts = ir.hosts.length === 0 ? [''] : [...new Set(ir.hosts)];
  ir.rules.forEach((ruleIr, ruleIndex) => {
    const fail = (message: string) => failures.push({ objectKey: ir.key, origin: ruleIr.origin, message });
    const { rule, failure } = bindRule(ir, ruleIr, env);
    if (failure !== null) fail(failure);
    rules.push(rule);
    ruleIr.matches.forEach((match, matchIndex) => {
      const guard = tryGuard(() => compileGuard(ir, match), fail);
      if (guard === null) return;
      const rank = rankOf(ir, ruleIndex, matchIndex);
      for (const host of hosts) entries.push(new Entry(rule, host, rank, guard));
    });
  });
  const clusters = [...new Set(ir.rules.flatMap(({ action }) => clustersOf(action)))];
  return { ir, rules, entries, failures, clusters, secrets: [...env.askedSecrets] };
}

/** A match that can't be tested is left out: its rule's other matches, and other rules, stay. */
function tryGuard(compile: () => Guard, fail: (message: string) => void): Guard | null {
  try {
    return compile();
  } catch (error) {
    fail(messageOf(error));
    return null;
  }
}
