import { fileURLToPath } from 'node:url';
import { freePort, Program } from '../lib/program.ts';
import type { WorkFolder } from '../lib/work-folder.ts';
import type { Peer, RunningPeer } from './peer.ts';

/** The bundle, as it is released: `npm run bench` builds it first. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

function forwardAll(backendPort: number): string {
  return `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: all, namespace: default }
spec:
  rules:
  - matches: [{ path: { prefix: / } }]
    backends: [{ addresses: ["127.0.0.1:${backendPort}"] }]
`;
}

/** `portreeve serve` on a folder that holds resources already. One thread, no access log, else as it comes. */
export async function spawnPortreeve(
  folder: WorkFolder,
  core: number | null,
  directory: string,
  threads = 1,
): Promise<RunningPeer> {
  const port = await freePort();
  const settings = folder.write(
    'portreeve/portreeve.yaml',
    'accessLog: { disabled: {} }\ntimeouts: { head: 75s }\n',
  );
  const program = new Program('portreeve', core, process.execPath, [
    MAIN,
    'serve',
    directory,
    ...['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0'],
    ...['--threads', String(threads), '--config-file', settings],
  ]);
  return { program, port };
}

export const portreeve: Peer = {
  name: 'portreeve',
  async start(folder, core, backendPort) {
    folder.write('portreeve/gateway.d/all.yaml', forwardAll(backendPort));
    const peer = await spawnPortreeve(folder, core, `${folder.path}/portreeve/gateway.d`);
    await peer.program.listening(peer.port);
    return peer;
  },
};
