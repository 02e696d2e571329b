import { stringify } from 'yaml';

/** A rule as an operator writes it; see `src/resources` for the schema. */
export type RuleSpec = Readonly<Record<string, unknown>>;

export interface RouteOptions {
  readonly hosts?: readonly string[];
}

/** The text of one GatewayRoute. */
export function route(name: string, rules: readonly RuleSpec[], options: RouteOptions = {}): string {
  return stringify({
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name, namespace: 'default' },
    spec: { ...(options.hosts === undefined ? {} : { hosts: options.hosts }), rules },
  });
}

export function prefix(path: string): { matches: [{ path: { prefix: string } }] } {
  return { matches: [{ path: { prefix: path } }] };
}

/** Everything below `path` goes to that port of this machine, with the client's Host. */
export function forward(path: string, port: number, more: RuleSpec = {}): RuleSpec {
  return { ...prefix(path), backends: [backend(port)], ...more };
}

export function backend(...ports: number[]): { addresses: string[] } {
  return { addresses: ports.map((port) => `127.0.0.1:${port}`) };
}

/** A folder with one route that forwards everything to one backend. */
export function forwardAll(port: number, more: RuleSpec = {}): Record<string, string> {
  return { 'route.yaml': route('all', [forward('/', port, more)]) };
}
