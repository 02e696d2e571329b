import { isIP } from 'node:net';
import type { ClusterIr, Endpoint } from '../ir/cluster.ts';
import { refuseAddress } from '../lib/target-address.ts';
import type { RouteBackend } from '../resources/gateway-route/schema.ts';
import { mayRefer } from './namespaces.ts';
import type { BackendRules } from './options.ts';
import type { Report } from './report.ts';
import { describePorts, findPort, portProtocol, type ServiceShape, serviceKey } from './service.ts';

/** A cluster that a route needs, and where its endpoints come from. */
export interface ClusterNeed {
  readonly ir: ClusterIr;
  readonly endpoints:
    | { readonly from: 'fixed'; readonly list: readonly Endpoint[] }
    | { readonly from: 'service'; readonly service: string; readonly portName: string };
}

/** What a backend's translation needs besides the backend. */
export interface BackendContext {
  readonly namespace: string;
  readonly rules: BackendRules;
  readonly report: Report;
  service(key: string): ServiceShape | undefined;
}

type BackendTarget = Pick<RouteBackend, 'service' | 'url' | 'addresses'>;

const BY_ENDPOINTS = { by: 'endpoints', clusterDomain: 'cluster.local' } as const;
const NO_ENDPOINTS: ClusterNeed['endpoints'] = { from: 'fixed', list: [] };

/**
 * The cluster of one backend. `host` is what is sent as Host whatever the client's says; null leaves it to
 * the backend's own nature. Null is returned for a backend that may not be: its rule is then closed.
 *
 * A Service that is not there gives a cluster without endpoints, so that its share of the requests is answered
 * with 503 instead of falling on the others.
 */
export function translateBackend(
  target: BackendTarget,
  host: string | null,
  at: string,
  context: BackendContext,
): ClusterNeed | null {
  if (target.service !== undefined) {
    const place = `${at}.service`;
    return permitted(target.service, place, context)
      ? fromService(target.service, host, place, context)
      : null;
  }
  const kind = target.url === undefined ? 'addresses' : 'url';
  if (!context.rules.allowUrls) {
    const message = `backends by ${kind} are not allowed here: name a Service, or set allowUrlBackends in the gateway's configuration`;
    context.report.fault(`${at}.${kind}`, { code: 'backendRefused', message });
    return null;
  }
  return target.url === undefined
    ? fromAddresses(target.addresses ?? [], host, `${at}.addresses`, context)
    : fromUrl(target.url, host, `${at}.url`, context);
}

/** Reports a Service of a namespace that may not be referred to. Whether it is there is not told. */
function permitted(
  target: NonNullable<BackendTarget['service']>,
  at: string,
  { namespace: from, rules, report }: BackendContext,
): boolean {
  const { name, namespace = from } = target;
  if (mayRefer(rules.crossNamespace, from, namespace)) return true;
  const ref = { kind: 'Service', namespace, name };
  report.fault(`${at}.namespace`, { code: 'referenceNotPermitted', ref });
  return false;
}

function fromService(
  target: NonNullable<BackendTarget['service']>,
  host: string | null,
  at: string,
  context: BackendContext,
): ClusterNeed {
  const namespace = target.namespace ?? context.namespace;
  const label = `${target.name}.${namespace}`;
  const shape = context.service(serviceKey(namespace, target.name));
  const port = shape && findPort(shape, target.port);
  const key = clusterKey(`Service/${namespace}/${target.name}:${port?.port ?? target.port}`, host);
  const ir: ClusterIr = { key, service: label, protocol: { kind: 'http' }, host };
  if (shape === undefined) {
    context.report.note(`${at}.name`, { code: 'backendNotFound', service: label });
    return { ir, endpoints: NO_ENDPOINTS };
  }
  if (shape.externalName !== null) {
    const spoken = { ...ir, protocol: portProtocol(port, shape.externalName) };
    return fromExternalName(shape.externalName, port?.port ?? target.port, spoken, at, context);
  }
  if (port === undefined) {
    const available = describePorts(shape);
    const wanted = String(target.port);
    context.report.note(`${at}.port`, {
      code: 'backendPortNotFound',
      service: label,
      port: wanted,
      available,
    });
    return { ir, endpoints: NO_ENDPOINTS };
  }
  const spoken = { ...ir, protocol: portProtocol(port, `${shape.name}.${shape.namespace}.svc`) };
  const { by, clusterDomain } = context.rules.services ?? BY_ENDPOINTS;
  if ((target.by ?? by) === 'name') {
    const name = `${target.name}.${namespace}.svc.${clusterDomain}`;
    return byName(spoken, name, port.port);
  }
  return {
    ir: spoken,
    endpoints: { from: 'service', service: serviceKey(namespace, target.name), portName: port.name ?? '' },
  };
}

/**
 * The name is resolved for each connection. Unless told otherwise it is sent as Host, too: a sidecar finds the Service by it.
 */
function byName(ir: ClusterIr, name: string, port: number): ClusterNeed {
  return {
    ir: { ...ir, key: `${ir.key} by name`, host: ir.host ?? (port === 80 ? name : `${name}:${port}`) },
    endpoints: { from: 'fixed', list: [fixedEndpoint(name, port)] },
  };
}

/** Whoever may write a Service could point one at anything that the gateway reaches: refused unless allowed. */
function fromExternalName(
  name: string,
  port: number | string,
  ir: ClusterIr,
  at: string,
  context: BackendContext,
): ClusterNeed {
  const refuse = (message: string): ClusterNeed => {
    context.report.note(`${at}.name`, { code: 'backendRefused', message });
    return { ir, endpoints: NO_ENDPOINTS };
  };
  if (!context.rules.allowExternalNames) {
    return refuse(
      `Service ${ir.service} is an ExternalName, which is not allowed: use a Service with endpoints, or set allowExternalNames in the gateway's configuration`,
    );
  }
  if (typeof port === 'string')
    return refuse(`Service ${ir.service} is an ExternalName without a port "${port}": give it as a number`);
  const forbidden = refuseName(name, context.rules);
  if (forbidden !== null) return refuse(`Service ${ir.service} is an ExternalName, and ${forbidden}`);
  return {
    ir: { ...ir, host: ir.host ?? name },
    endpoints: { from: 'fixed', list: [fixedEndpoint(name, port)] },
  };
}

function fromUrl(text: string, host: string | null, at: string, context: BackendContext): ClusterNeed | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const address = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  const refusal = url === null ? `${text} is not a URL` : refuseName(address, context.rules);
  if (url === null || refusal !== null) {
    context.report.fault(at, { code: 'backendRefused', message: refusal ?? '' });
    return null;
  }
  const secured = url.protocol === 'https:';
  const port = url.port === '' ? (secured ? 443 : 80) : Number(url.port);
  return {
    ir: {
      key: clusterKey(`url:${url.origin}`, host),
      service: `${url.hostname}:${port}`,
      protocol: secured ? { kind: 'https', serverName: address } : { kind: 'http' },
      host: host ?? url.host,
    },
    endpoints: { from: 'fixed', list: [fixedEndpoint(address, port)] },
  };
}

function fromAddresses(
  addresses: readonly string[],
  host: string | null,
  at: string,
  context: BackendContext,
): ClusterNeed | null {
  const list = addresses.map((text, index) => {
    const colon = text.lastIndexOf(':');
    const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
    const port = Number(text.slice(colon + 1));
    const refusal =
      port < 1 || port > 65_535 ? `${port} is not a port` : refuseAddress(address, context.rules);
    if (refusal === null) return fixedEndpoint(address, port);
    context.report.fault(`${at}[${index}]`, { code: 'backendRefused', message: refusal });
    return null;
  });
  const usable = list.filter((endpoint) => endpoint !== null);
  if (usable.length < list.length) return null;
  const key = clusterKey(`addresses:${addresses.join(',')}`, host);
  const service = addresses.length === 1 ? addresses[0]! : `${addresses[0]}+${addresses.length - 1}`;
  return {
    ir: { key, service, protocol: { kind: 'http' }, host },
    endpoints: { from: 'fixed', list: usable },
  };
}

/** A name is judged by its address where it has one in itself; others are judged by those who resolve them. */
function refuseName(name: string, rules: BackendRules): string | null {
  if (isIP(name) !== 0) return refuseAddress(name, rules);
  const local = name === 'localhost' || name.endsWith('.localhost');
  return local && !rules.allowLoopback ? `${name} is a loopback address` : null;
}

function fixedEndpoint(address: string, port: number): Endpoint {
  return {
    address,
    port,
    ready: true,
    serving: true,
    terminating: false,
    weight: 1,
    zone: null,
    hints: null,
  };
}

/** Backends that differ only in the Host that they are sent are clusters of their own. */
function clusterKey(key: string, host: string | null): string {
  return host === null ? key : `${key} host=${host}`;
}
