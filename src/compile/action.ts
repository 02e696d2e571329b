import type { ForwardAction, RouteAction, TimeoutSetting } from '../ir/route.ts';
import type { HttpTimeouts } from '../ir/settings.ts';
import { compileRewrite } from './rewrite.ts';
import type { CompiledAction, CompiledForward } from './table.ts';

/** What an action needs from the data plane. */
export interface ActionEnv<U> {
  /** @throws Error when there is no such cluster. */
  bindUpstream(clusterKey: string): U;
  readonly defaults: HttpTimeouts;
}

/** @throws Error for the operator when a cluster or a pattern can't be resolved. */
export function compileAction<U>(action: RouteAction, env: ActionEnv<U>): CompiledAction<U> {
  switch (action.kind) {
    case 'forward':
      return compileForward(action, env);
    case 'redirect':
      return { kind: 'redirect', ir: action, rewritePath: compileRewrite(action.path) };
    case 'respond': {
      const { status, headers, body } = action;
      return { kind: 'respond', reply: { status, headers, body } };
    }
    case 'fail':
      return { kind: 'fail', reason: action.reason };
  }
}

function compileForward<U>(ir: ForwardAction, env: ActionEnv<U>): CompiledForward<U> {
  const backends = ir.backends
    .filter(({ weight }) => weight > 0)
    .map(({ cluster, weight }) => ({ upstream: env.bindUpstream(cluster), weight }));
  return {
    kind: 'forward',
    ir,
    backends,
    totalWeight: backends.reduce((sum, { weight }) => sum + weight, 0),
    mirrors: ir.mirrors.map(({ cluster, percent }) => ({ upstream: env.bindUpstream(cluster), percent })),
    requestTimeoutMs: resolveTimeout(ir.requestTimeout, env.defaults.requestMs),
    backendTimeoutMs: resolveTimeout(ir.backendTimeout, env.defaults.backendMs),
    idleTimeoutMs: resolveTimeout(ir.idleTimeout, env.defaults.bodyIdleMs),
    rewritePath: compileRewrite(ir.rewrite.path),
  };
}

/** Milliseconds; 0: none. */
function resolveTimeout(setting: TimeoutSetting, defaultMs: number): number {
  switch (setting.kind) {
    case 'default':
      return defaultMs;
    case 'disabled':
      return 0;
    case 'after':
      return setting.ms;
  }
}

/** Keys of the clusters that an action binds. */
export function clustersOf(action: RouteAction): readonly string[] {
  if (action.kind !== 'forward') return [];
  const backends = action.backends.filter(({ weight }) => weight > 0);
  return [...backends, ...action.mirrors].map(({ cluster }) => cluster);
}
