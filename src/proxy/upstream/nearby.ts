import type { EndpointHints } from '../../ir/cluster.ts';
import type { Place } from '../../ir/settings.ts';

interface Hinted {
  readonly ir: { readonly hints: EndpointHints | null };
}

/**
 * Which of the endpoints that take new requests are for somebody at this place: those of the node, else those of the
 * zone, else all. As kube-proxy does it, hints count when every endpoint has one, and when one of them is for us: so a
 * Service whose endpoints are just being given hints, or has none here, is reached as if there were no hints.
 * @see https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution
 */
export function nearby<E extends Hinted>(endpoints: readonly E[], { node, zone }: Place): readonly E[] {
  return hinted(endpoints, 'nodes', node) ?? hinted(endpoints, 'zones', zone) ?? endpoints;
}

function hinted<E extends Hinted>(
  endpoints: readonly E[],
  kind: keyof EndpointHints,
  here: string | null,
): readonly E[] | null {
  if (here === null || endpoints.some(({ ir }) => ir.hints === null || ir.hints[kind].length === 0))
    return null;
  const ours = endpoints.filter(({ ir }) => ir.hints![kind].includes(here));
  return ours.length > 0 ? ours : null;
}
