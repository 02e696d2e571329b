import type { Consumer } from './consumer.ts';
import type { ConfigMap } from './core/config-map.ts';
import type { EndpointSlice } from './core/endpoint-slice.ts';
import type { Secret } from './core/secret.ts';
import type { Service } from './core/service.ts';
import type { GatewayRoute } from './gateway-route/schema.ts';
import type { RateLimitPolicy } from './rate-limit-policy.ts';

/** Every kind that a source delivers, with its type once validated (defaults filled in). */
export interface ResourceByKind {
  readonly GatewayRoute: GatewayRoute;
  readonly RateLimitPolicy: RateLimitPolicy;
  readonly Consumer: Consumer;
  readonly Service: Service;
  readonly EndpointSlice: EndpointSlice;
  readonly Secret: Secret;
  readonly ConfigMap: ConfigMap;
}
export type ResourceKind = keyof ResourceByKind;
