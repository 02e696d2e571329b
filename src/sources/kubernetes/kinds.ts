import type { ResourceKind } from '../../resources/kinds.ts';
import { API_VERSION } from '../../resources/metadata.ts';
import type { KubeKind } from './client/object.ts';

/** Where each kind that is read is found. */
export const KINDS: Readonly<Record<ResourceKind, KubeKind>> = {
  GatewayRoute: { kind: 'GatewayRoute', apiVersion: API_VERSION, plural: 'gatewayroutes' },
  RateLimitPolicy: { kind: 'RateLimitPolicy', apiVersion: API_VERSION, plural: 'ratelimitpolicies' },
  Consumer: { kind: 'Consumer', apiVersion: API_VERSION, plural: 'consumers' },
  Service: { kind: 'Service', apiVersion: 'v1', plural: 'services' },
  EndpointSlice: { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', plural: 'endpointslices' },
  Secret: { kind: 'Secret', apiVersion: 'v1', plural: 'secrets' },
  ConfigMap: { kind: 'ConfigMap', apiVersion: 'v1', plural: 'configmaps' },
};

export const NAMESPACE_KIND: KubeKind = { kind: 'Namespace', apiVersion: 'v1', plural: 'namespaces' };

/** Kinds of which all objects are watched; Secrets and ConfigMaps only where something refers to them. */
export const WATCHED_KINDS = [
  'GatewayRoute',
  'RateLimitPolicy',
  'Consumer',
  'Service',
  'EndpointSlice',
] as const satisfies ResourceKind[];

/** Kinds of ours: they have a status that we write. */
export const OWN_KINDS = ['GatewayRoute', 'RateLimitPolicy', 'Consumer'] as const satisfies ResourceKind[];
export type OwnKind = (typeof OWN_KINDS)[number];

export function isOwnKind(kind: string): kind is OwnKind {
  return (OWN_KINDS as readonly string[]).includes(kind);
}
