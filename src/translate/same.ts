import type { BackendProtocol, ClusterIr, Endpoint, EndpointHints } from '../ir/cluster.ts';
import type { ClusterNeed } from './backend.ts';

// Lists that the compiler keeps complete.
const CLUSTER_FIELDS = Object.keys({ key: true, service: true, host: true } satisfies Record<
  Exclude<keyof ClusterIr, 'protocol'>,
  true
>) as readonly (keyof ClusterIr)[];
const ENDPOINT_FIELDS = Object.keys({
  address: true,
  port: true,
  ready: true,
  serving: true,
  terminating: true,
  weight: true,
  zone: true,
} satisfies Record<Exclude<keyof Endpoint, 'hints'>, true>) as readonly (keyof Endpoint)[];

/** Whether two needs are equal. Asked of every backend of every route: a comparison of any two objects takes ten times as long. */
export function sameNeed(a: ClusterNeed, b: ClusterNeed): boolean {
  return a === b || (sameCluster(a.ir, b.ir) && sameSource(a.endpoints, b.endpoints));
}

export function sameCluster(a: ClusterIr, b: ClusterIr): boolean {
  if (a === b) return true;
  return CLUSTER_FIELDS.every((field) => a[field] === b[field]) && sameProtocol(a.protocol, b.protocol);
}

export function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a === b || (a.length === b.length && a.every((one, index) => sameEndpoint(one, b[index]!)));
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a === b || (ENDPOINT_FIELDS.every((field) => a[field] === b[field]) && sameHints(a.hints, b.hints));
}

function sameHints(a: EndpointHints | null, b: EndpointHints | null): boolean {
  if (a === null || b === null) return a === b;
  return sameTexts(a.nodes, b.nodes) && sameTexts(a.zones, b.zones);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function sameProtocol(a: BackendProtocol, b: BackendProtocol): boolean {
  if (a.kind === 'http') return b.kind === 'http';
  return b.kind === 'https' && a.serverName === b.serverName;
}

function sameSource(a: ClusterNeed['endpoints'], b: ClusterNeed['endpoints']): boolean {
  if (a.from === 'fixed') return b.from === 'fixed' && sameEndpoints(a.list, b.list);
  return b.from === 'service' && a.service === b.service && a.portName === b.portName;
}
