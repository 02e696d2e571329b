import type { Peer } from '../peers/peer.ts';
import { plainSettings, spawnPortreeve } from '../peers/portreeve.ts';

export const FEW = 10;
export const MANY = 10_000;

/** As many different plans as a catalogue may have. */
const PLANS = 10;

export function keyOf(index: number): string {
  return `key-of-consumer-${index}-${'k'.repeat(24)}`;
}

function routeText(backendPort: number): string {
  return `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: api, namespace: default }
spec:
  policies:
  - apiKey: { from: [{ header: Authorization, scheme: Bearer }] }
  - rateLimit:
      limits: [{ name: caller, key: [{ consumer: {} }], tokenBucket: { capacity: 5, rate: 1/s } }]
  rules:
  - matches: [{ path: { prefix: / } }]
    backends: [{ addresses: ["127.0.0.1:${backendPort}"] }]
---
apiVersion: portreeve.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: gold, namespace: default }
spec:
  limits: [{ name: tier, key: [{ consumer: {} }], tokenBucket: { capacity: 1000000, rate: 1000000/s } }]
`;
}

/** With a key, limits of its tier and policies of its own. */
function consumerText(index: number): string {
  const plan = index % PLANS;
  return `apiVersion: portreeve.dev/v1alpha1
kind: Consumer
metadata: { name: consumer-${index}, namespace: default }
spec:
  groups: [plan-${plan}]
  credentials: [{ apiKey: { secretRef: { name: key-${index} } } }]
  rateLimit: { ref: gold }
  policies:
  - requestHeaders: { set: [{ name: X-Plan, value: plan-${plan} }] }
---
apiVersion: v1
kind: Secret
metadata: { name: key-${index}, namespace: default }
stringData: { key: ${keyOf(index)} }
`;
}

/** @param onPort told where it listens */
export function consumersPeer(count: number, onPort: (port: number) => void): Peer {
  const name = `${count.toLocaleString('en')} Consumers`;
  return {
    name,
    async start(folder, core, backendPort) {
      const directory = `consumers-${count}`;
      folder.write(`${directory}/route.yaml`, routeText(backendPort));
      const texts = Array.from({ length: count }, (_, index) => consumerText(index));
      folder.write(`${directory}/consumers.yaml`, texts.join('---\n'));
      const peer = await spawnPortreeve({
        core,
        directory: `${folder.path}/${directory}`,
        settings: plainSettings(folder),
      });
      await peer.program.listening(peer.port);
      onPort(peer.port);
      return peer;
    },
  };
}
