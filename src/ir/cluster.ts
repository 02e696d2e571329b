/** One address that serves a cluster. */
export interface Endpoint {
  /** IP address, or a host name that the thread resolves (URL backends only). */
  readonly address: string;
  readonly port: number;
  /** Takes new requests. */
  readonly ready: boolean;
  /** Still answers while it terminates; used when no endpoint is ready. */
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Relative share of traffic within the cluster; 1 unless an address list says otherwise. */
  readonly weight: number;
  readonly zone: string | null;
  /** null: for everybody. */
  readonly hints: EndpointHints | null;
}

/** For whom an endpoint is, as its EndpointSlice says. An empty list says nothing. */
export interface EndpointHints {
  readonly nodes: readonly string[];
  readonly zones: readonly string[];
}

/** How a cluster is spoken to: the protocol is the backend's, not the client's. */
export type BackendProtocol =
  | { readonly kind: 'http' }
  | { readonly kind: 'https'; readonly serverName: string };

/**
 * A group of endpoints that serve the same thing. Its endpoints travel apart (`EndpointsIr`), so that an
 * endpoint change never rebuilds routes.
 */
export interface ClusterIr {
  /** `Service/namespace/name:port`, `url:…` or `addresses:…` */
  readonly key: string;
  /** The `service` label of metrics and logs: `name.namespace`, or host and port. */
  readonly service: string;
  readonly protocol: BackendProtocol;
  /** What is sent as Host when the backend is a URL and the route does not say; null: the client's. */
  readonly host: string | null;
}

export interface EndpointsIr {
  readonly cluster: string;
  readonly endpoints: readonly Endpoint[];
}
