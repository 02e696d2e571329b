import type { Endpoint, EndpointHints } from '../ir/cluster.ts';
import { type AddressRules, refuseAddress } from '../lib/target-address.ts';
import type { EndpointSlice } from '../resources/core/endpoint-slice.ts';
import type { InputObjectOf } from './input.ts';
import { Report } from './report.ts';
import type { ServiceShape } from './service.ts';

export type SourcedSlice = InputObjectOf<'EndpointSlice'>;
type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/**
 * The endpoints of one port of a Service, from all of its slices. A slice's ports carry the name of the
 * Service's port and the number that it resolved to in the pods (`targetPort`), which may differ by slice.
 *
 * An address may be in two slices for a moment, and a dual-stack pod is in one for each family: it counts once.
 */
export function collectEndpoints(
  shape: ServiceShape,
  portName: string,
  slices: Iterable<SourcedSlice>,
  rules: AddressRules,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const { object } of chooseFamily(shape, [...slices])) {
    const port = object.ports?.find((one) => (one.name ?? '') === portName)?.port;
    if (port == null) continue;
    for (const endpoint of object.endpoints ?? []) {
      const address = endpoint.addresses[0]!;
      if (refuseAddress(address, rules) !== null) continue;
      const key = `${address} ${port}`;
      const translated = translateEndpoint(endpoint, address, port);
      if (found.get(key)?.ready !== true) found.set(key, translated);
    }
  }
  return [...found.values()];
}

/** What is wrong with a slice. Its other endpoints are used. */
export function checkSlice(slice: SourcedSlice, rules: AddressRules): Report {
  const report = new Report(slice);
  const { addressType, endpoints } = slice.object;
  if (addressType === 'FQDN') {
    const message = 'addressType FQDN is not read: list IP addresses, or use a backend by URL';
    report.note('addressType', { code: 'backendRefused', message });
    return report;
  }
  endpoints?.forEach((endpoint, index) => {
    const message = refuseAddress(endpoint.addresses[0]!, rules);
    if (message !== null)
      report.note(`endpoints[${index}].addresses[0]`, { code: 'backendRefused', message });
  });
  return report;
}

/** Slices of one family: the Service's own, else IPv4 where there is any. */
function chooseFamily(shape: ServiceShape, slices: readonly SourcedSlice[]): readonly SourcedSlice[] {
  const of = (family: string) => slices.filter((slice) => slice.object.addressType === family);
  if (shape.family !== null) return of(shape.family);
  const ipv4 = of('IPv4');
  return ipv4.length > 0 ? ipv4 : of('IPv6');
}

/** Conditions that are not given mean yes, except `terminating` (EndpointSlice API reference). */
function translateEndpoint(endpoint: SliceEndpoint, address: string, port: number): Endpoint {
  const ready = endpoint.conditions?.ready ?? true;
  return {
    address,
    port,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating ?? false,
    weight: 1,
    zone: endpoint.zone ?? null,
    hints: translateHints(endpoint.hints),
  };
}

function translateHints(hints: SliceEndpoint['hints']): EndpointHints | null {
  const nodes = (hints?.forNodes ?? []).map(({ name }) => name);
  const zones = (hints?.forZones ?? []).map(({ name }) => name);
  return nodes.length === 0 && zones.length === 0 ? null : { nodes, zones };
}
