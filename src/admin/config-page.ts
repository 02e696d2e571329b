import { objectKey } from '../ir/origin.ts';
import type { RouteIr } from '../ir/route.ts';
import { clusterView, findingView, routeView, threadView } from './config-view.ts';
import type { AdminView } from './view.ts';

/** Items written before the event loop gets a turn: a few milliseconds. */
const SLICE = 200;

/** `/config`: everything that is served, as JSON. Gives way while it renders: there may be 100,000 routes. */
export async function renderConfig(view: AdminView): Promise<Buffer> {
  const { generation, ir, endpoints } = view.served();
  const endpointsOf = new Map(endpoints.map((one) => [one.cluster, one]));
  const head = JSON.stringify({ generation, threads: view.threads().map(threadView) }).slice(0, -1);
  return Buffer.concat([
    Buffer.from(head),
    await renderArray('routes', ir.routes, routeView),
    await renderArray('clusters', ir.clusters, (cluster) =>
      clusterView(cluster, endpointsOf.get(cluster.key)),
    ),
    await renderArray('findings', view.findings(), findingView),
    Buffer.from('}\n'),
  ]);
}

async function renderArray<T>(
  name: string,
  items: readonly T[],
  viewOf: (item: T) => object,
): Promise<Buffer> {
  const chunks: Buffer[] = [Buffer.from(`,"${name}":[`)];
  for (let start = 0; start < items.length; start += SLICE) {
    const slice = items.slice(start, start + SLICE).map((item) => JSON.stringify(viewOf(item)));
    chunks.push(Buffer.from((start === 0 ? '' : ',') + slice.join(',')));
    await new Promise((resolve) => setImmediate(resolve));
  }
  chunks.push(Buffer.from(']'));
  return Buffer.concat(chunks);
}

/** `/config?route=namespace/name`: one route with its clusters and findings; null when it is not served. */
export function renderRoute(view: AdminView, namespacedName: string): string | null {
  const { generation, ir, endpoints } = view.served();
  const key = `GatewayRoute/${namespacedName}`;
  const route = ir.routes.find((one) => one.key === key);
  const findings = view.findings().filter((finding) => objectKey(finding.origin.object) === key);
  if (route === undefined && findings.length === 0) return null;
  const wanted = route === undefined ? new Set<string>() : clustersOf(route);
  const clusters = ir.clusters.filter((cluster) => wanted.has(cluster.key));
  return `${JSON.stringify({
    generation,
    threads: view.threads().map(threadView),
    routes: route === undefined ? [] : [routeView(route)],
    clusters: clusters.map((cluster) =>
      clusterView(
        cluster,
        endpoints.find((one) => one.cluster === cluster.key),
      ),
    ),
    findings: findings.map(findingView),
  })}\n`;
}

function clustersOf(route: RouteIr): Set<string> {
  const keys = new Set<string>();
  for (const { action } of route.rules) {
    if (action.kind !== 'forward') continue;
    for (const { cluster } of action.backends) keys.add(cluster);
    for (const { cluster } of action.mirrors) keys.add(cluster);
  }
  return keys;
}
