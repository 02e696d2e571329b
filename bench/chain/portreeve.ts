import type { Peer } from '../peers/peer.ts';
import { spawnPortreeve } from '../peers/portreeve.ts';
import { AUDIENCE, ISSUER, PAGE } from './tokens.ts';

function routeText(pem: string, backendPort: number): string {
  return `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: chain, namespace: default }
spec:
  policies:
  - jwt:
      keys: [{ pem: ${JSON.stringify(pem)}, algorithms: [RS256] }]
      issuers: ["${ISSUER}"]
      audiences: [${AUDIENCE}]
      claimsToHeaders: [{ claim: sub, header: X-User }]
  - rateLimit:
      limits:
      - name: address
        key: [{ clientAddress: {} }]
        tokenBucket: { capacity: 1000000, rate: 1000000/s }
  - cors: { origins: ["${PAGE}"] }
  - requestHeaders: { remove: [X-Debug] }
  - responseHeaders: { set: [{ name: X-Frame-Options, value: DENY }], remove: [ETag] }
  rules:
  - matches: [{ path: { prefix: / } }]
    backends: [{ addresses: ["127.0.0.1:${backendPort}"] }]
`;
}

/** Its metrics are always on; the access log is JSON, on standard output, into a file. */
export function portreeveChain(pem: string): Peer {
  return {
    name: 'portreeve',
    async start(folder, core, backendPort) {
      folder.write('portreeve-chain/gateway.d/chain.yaml', routeText(pem, backendPort));
      const home = `${folder.path}/portreeve-chain`;
      const settings = folder.write('portreeve-chain/portreeve.yaml', 'timeouts: { head: 75s }\n');
      const peer = await spawnPortreeve({
        core,
        directory: `${home}/gateway.d`,
        settings,
        stdoutFile: `${home}/access.log`,
      });
      await peer.program.listening(peer.port);
      return peer;
    },
  };
}
