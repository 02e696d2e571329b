import type { BackendProtocol } from '../ir/cluster.ts';
import type { Service } from '../resources/core/service.ts';

type ServicePort = Service['spec']['ports'][number];

/** What routes need to know of a Service: it changes far less often than the object does. */
export interface ServiceShape {
  readonly namespace: string;
  readonly name: string;
  /** Address of an ExternalName; null for every other type. */
  readonly externalName: string | null;
  /** Family of its own address, which tells the slices to use; null for a headless one. */
  readonly family: 'IPv4' | 'IPv6' | null;
  readonly ports: readonly ServicePort[];
}

/** `namespace/name` */
export function serviceKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

export function serviceShape(service: Service): ServiceShape {
  const { metadata, spec } = service;
  const address = spec.clusterIP ?? 'None';
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    externalName: spec.type === 'ExternalName' ? (spec.externalName ?? '') : null,
    family: address.includes(':') ? 'IPv6' : address.includes('.') ? 'IPv4' : null,
    ports: spec.ports.filter((port) => port.protocol === 'TCP'),
  };
}

/** Two shapes that mean the same for routes. */
export function sameShape(a: ServiceShape | undefined, b: ServiceShape | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

export function findPort(shape: ServiceShape, port: number | string): ServicePort | undefined {
  return shape.ports.find((one) => (typeof port === 'number' ? one.port === port : one.name === port));
}

/** Ports as a message lists them: `http (80), metrics (9090)`. */
export function describePorts(shape: ServiceShape): readonly string[] {
  return shape.ports.map((one) => (one.name === undefined ? String(one.port) : `${one.name} (${one.port})`));
}

/** How the pods behind a port are spoken to: `appProtocol: https` asks for TLS. */
export function portProtocol(port: ServicePort | undefined, serverName: string): BackendProtocol {
  const secured = port?.appProtocol?.toLowerCase() === 'https';
  return secured ? { kind: 'https', serverName } : { kind: 'http' };
}
