import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '../ir/finding.ts';
import type { Origin } from '../ir/origin.ts';
import type { RouteIr, RuleIr } from '../ir/route.ts';
import type { AdminView, ThreadView } from './view.ts';

/** A view over plain values that a test can change. The secret stands wherever one could. */
export function sampleView(secret: string): AdminView & { state: SampleState } {
  const state: SampleState = {
    draining: false,
    threads: [0, 1].map((threadId) => ({
      threadId,
      running: true,
      listening: true,
      generation: 7 - threadId,
      failures: [{ objectKey: 'r', origin: originAt('users', 1), message: `redis://u:${secret}@h refused` }],
    })),
    repeat: 1,
    metricsError: null,
    metricsMs: 0,
    rendered: 0,
  };
  return {
    state,
    version: { version: '1.2.3', revision: 'abc' },
    threads: () => state.threads,
    draining: () => state.draining,
    findings: () => [sampleFinding(secret)],
    served: () => ({
      generation: 7,
      ir: {
        routes: Array.from({ length: state.repeat }, (_, i) =>
          sampleRoute(i === 0 ? 'users' : `users-${i}`, secret),
        ),
        clusters: [
          {
            key: 'Service/shop/users:http',
            service: 'users.shop',
            protocol: { kind: 'http' },
            host: null,
          },
          {
            key: `url:http://user:${secret}@legacy.example.com`,
            service: 'legacy.example.com:80',
            protocol: { kind: 'http' },
            host: 'legacy.example.com',
          },
        ],
      },
      endpoints: [
        {
          cluster: 'Service/shop/users:http',
          endpoints: [
            {
              address: '10.0.0.4',
              port: 8080,
              ready: true,
              serving: true,
              terminating: false,
              weight: 1,
              zone: null,
              hints: null,
            },
          ],
        },
      ],
    }),
    async metrics() {
      state.rendered += 1;
      if (state.metricsMs > 0) await sleep(state.metricsMs);
      if (state.metricsError !== null) throw state.metricsError;
      return Buffer.from('up 1\n');
    },
  };
}

export interface SampleState {
  draining: boolean;
  threads: ThreadView[];
  /** How often the route is there, under different names. */
  repeat: number;
  metricsError: Error | null;
  metricsMs: number;
  rendered: number;
}

function originAt(name: string, line: number): Origin {
  return {
    object: { kind: 'GatewayRoute', namespace: 'shop', name },
    fieldPath: '',
    location: { file: `shop/${name}.yaml`, line, column: line === 1 ? 1 : 5 },
  };
}

function sampleFinding(secret: string): Finding {
  return { code: 'backendNotFound', origin: originAt('broken', 3), service: `shop/x?password=${secret}` };
}

function sampleRoute(name: string, secret: string): RouteIr {
  const origin = originAt(name, 9);
  const match = {
    path: { kind: 'prefix', value: '/users' },
    methods: ['GET'],
    query: [],
    claims: [],
  } as const;
  const forward: RuleIr = {
    name: 'read',
    origin,
    matches: [
      {
        ...match,
        headers: [
          { name: 'x-internal-token', test: { kind: 'exact', value: secret } },
          { name: 'x-tenant', test: { kind: 'exact', value: 'acme' } },
        ],
        cookies: [{ name: 'beta', test: { kind: 'regex', pattern: secret } }],
        clientAddresses: [],
      },
    ],
    action: {
      kind: 'forward',
      backends: [{ cluster: 'Service/shop/users:http', weight: 1, origin }],
      balancing: 'roundRobin',
      requestTimeout: { kind: 'default' },
      backendTimeout: { kind: 'default' },
      idleTimeout: { kind: 'default' },
      retry: null,
      hedge: null,
      rewrite: { path: { kind: 'none' }, host: null },
      mirrors: [],
      maxBodyBytes: null,
    },
    policies: [{ name: 'apiKey', config: { keys: [secret] }, origin }],
  };
  const fixed: RuleIr = {
    name: 'fixed',
    origin,
    matches: [],
    action: { kind: 'respond', status: 200, headers: [['x-internal', secret]], body: secret },
    policies: [],
  };
  return {
    key: `GatewayRoute/shop/${name}`,
    origin: originAt(name, 1),
    createdAtMs: 0,
    hosts: ['api.example.com'],
    listeners: [],
    rules: [forward, fixed],
  };
}
