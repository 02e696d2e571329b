import type { CompiledForward } from '../../compile/table.ts';
import { normalizePath } from '../../lib/path.ts';
import type { RequestExchange } from '../exchange/exchange.ts';
import type { UpstreamCluster } from '../upstream/cluster.ts';

/** The path after the rule's rewrite, normalised and checked again; null when it can't be sent. */
export function rewrittenPath(x: RequestExchange, action: CompiledForward<UpstreamCluster>): string | null {
  const { path } = x.request;
  if (action.rewritePath === null || path === '*') return path;
  return normalizePath(action.rewritePath(path, x.entry!.match));
}
