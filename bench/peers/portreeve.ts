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

interface Spawn {
  readonly core: number | null;
  /** It holds resources already. */
  readonly directory: string;
  /** A `portreeve.yaml`. */
  readonly settings: string;
  /** For the access log. */
  readonly stdoutFile?: string;
}

/** `portreeve serve` with one thread. */
export async function spawnPortreeve({ core, directory, settings, stdoutFile }: Spawn): Promise<RunningPeer> {
  const port = await freePort();
  const args = [
    ...[MAIN, 'serve', directory],
    ...['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0'],
    ...['--threads', '1', '--config-file', settings],
  ];
  const options = stdoutFile === undefined ? {} : { stdoutFile };
  return { program: new Program('portreeve', core, process.execPath, args, options), port };
}

/** Without an access log, else as it comes. */
export function plainSettings(folder: WorkFolder): string {
  return folder.write('portreeve/portreeve.yaml', 'accessLog: { disabled: {} }\ntimeouts: { head: 75s }\n');
}

export const portreeve: Peer = {
  name: 'portreeve',
  async start(folder, core, backendPort) {
    folder.write('portreeve/gateway.d/all.yaml', forwardAll(backendPort));
    const directory = `${folder.path}/portreeve/gateway.d`;
    const peer = await spawnPortreeve({ core, directory, settings: plainSettings(folder) });
    await peer.program.listening(peer.port);
    return peer;
  },
};
