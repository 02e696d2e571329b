import type { CompiledAction, CompiledEntry, CompiledForward } from '../../compile/table.ts';
import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import { normalizePath } from '../../lib/path.ts';
import type { RequestView } from '../../proxy/exchange/request-view.ts';

export interface BackendReport {
  readonly cluster: string;
  /** 0..1 of the requests. */
  readonly share: number;
  /** What is sent as Host. */
  readonly host: string;
  readonly endpoints: { readonly total: number; readonly ready: number };
}

/** What happens to a request that a rule takes. */
export type ActionReport =
  | {
      readonly kind: 'forward';
      /** As it is sent; null when the rewrite gives a path that is refused with 400. */
      readonly path: string | null;
      readonly backends: readonly BackendReport[];
      readonly mirrors: readonly { readonly cluster: string; readonly percent: number }[];
      /** 0: none. */
      readonly timeoutsMs: { readonly request: number; readonly backend: number; readonly idle: number };
      readonly retries: number;
    }
  | {
      readonly kind: 'redirect';
      readonly status: number;
      readonly path: string | null;
      readonly authority: string;
    }
  | { readonly kind: 'respond'; readonly status: number }
  | { readonly kind: 'fail'; readonly status: 500; readonly reason: string };

export interface ActionContext {
  cluster(key: string): ClusterIr | undefined;
  endpoints(key: string): EndpointsIr | undefined;
}

export function reportAction(
  action: CompiledAction<string>,
  entry: CompiledEntry<string>,
  request: RequestView,
  context: ActionContext,
): ActionReport {
  switch (action.kind) {
    case 'fail':
      return { kind: 'fail', status: 500, reason: action.reason };
    case 'respond':
      return { kind: 'respond', status: action.reply.status };
    case 'redirect': {
      const { scheme, host, port, status } = action.ir;
      const path = rewritten(action.rewritePath, entry, request);
      const authority = `${host ?? request.host}${port === null ? '' : `:${port}`}`;
      return { kind: 'redirect', status, path, authority: `${scheme ?? request.scheme}://${authority}` };
    }
    case 'forward':
      return {
        kind: 'forward',
        path: rewritten(action.rewritePath, entry, request),
        backends: reportBackends(action, request, context),
        mirrors: action.mirrors.map(({ upstream, percent }) => ({ cluster: upstream, percent })),
        timeoutsMs: {
          request: action.requestTimeoutMs,
          backend: action.backendTimeoutMs,
          idle: action.idleTimeoutMs,
        },
        retries: action.ir.retry?.attempts ?? 0,
      };
  }
}

function reportBackends(
  action: CompiledForward<string>,
  request: RequestView,
  context: ActionContext,
): readonly BackendReport[] {
  return action.backends.map(({ upstream, weight }) => {
    const endpoints = context.endpoints(upstream)?.endpoints ?? [];
    return {
      cluster: upstream,
      share: weight / action.totalWeight,
      host: action.ir.rewrite.host ?? context.cluster(upstream)?.host ?? request.head.authority,
      endpoints: { total: endpoints.length, ready: endpoints.filter((one) => one.ready).length },
    };
  });
}

function rewritten(
  rewrite: CompiledForward<string>['rewritePath'],
  entry: CompiledEntry<string>,
  request: RequestView,
): string | null {
  return rewrite === null ? request.path : normalizePath(rewrite(request.path, entry.match));
}
