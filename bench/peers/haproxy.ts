import { freePort, Program } from '../lib/program.ts';
import type { Peer } from './peer.ts';

function configText(port: number, backendPort: number): string {
  return `
global
  nbthread 1
  maxconn 15000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend front
  bind 127.0.0.1:${port} backlog 4096
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}
`;
}

export const haproxy: Peer = {
  name: 'haproxy',
  async start(folder, core, backendPort) {
    const port = await freePort();
    const config = folder.write('haproxy/haproxy.cfg', configText(port, backendPort));
    const program = new Program('haproxy', core, 'haproxy', ['-db', '-f', config]);
    await program.listening(port);
    return { program, port };
  },
};
