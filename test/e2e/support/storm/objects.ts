/** Where endpoints are: a range that was made the machine's own in some network namespace. The API server takes no loopback addresses. */
export const ENDPOINT_RANGE = '10.250.0.0/16';
export const ENDPOINT_PORT = 8081;
/** Of each Service at any time, of {@link POOL} that come and go. */
export const ENDPOINTS = 20;
const POOL = 32;
/** Gone with an update, and as many come. */
const MOVED = 5;

export interface Slice {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

/** One endpoint of a Service, different for each of 2,000 Services. */
export function endpointAddress(service: number, endpoint: number): string {
  const at = service * POOL + (endpoint % POOL);
  return `10.250.${(at >> 8) & 255}.${at & 255}`;
}

/** The addresses of a Service after so many updates of its slice. */
export function addressesAt(service: number, update: number): readonly string[] {
  return Array.from({ length: ENDPOINTS }, (_, at) => endpointAddress(service, update * MOVED + at));
}

/** The slice of Service `sN`. */
export function sliceOf(service: number, addresses: readonly string[]): Slice {
  const name = `s${service}`;
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: ENDPOINT_PORT, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}
