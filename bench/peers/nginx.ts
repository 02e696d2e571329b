import { freePort, Program } from '../lib/program.ts';
import type { WorkFolder } from '../lib/work-folder.ts';
import type { Peer, RunningPeer } from './peer.ts';

/** As one would write it for speed; `extra` goes into the location. */
function proxyConfig(port: number, backendPort: number, extra: string): string {
  return `
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_max_temp_file_size 0;
      ${extra}
    }
  }`;
}

const FORWARDING_HEADERS = `
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header Forwarded "for=$remote_addr;host=$http_host;proto=$scheme";
      proxy_set_header X-Request-ID $request_id;`;

function backendConfig(port: number, root: string): string {
  return `
  open_file_cache max=100;
  open_file_cache_valid 1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${root};
    location = /authorize { add_header X-User user-1; return 204; }
    location = /post { client_max_body_size 0; return 200 "${'x'.repeat(200)}"; }
  }`;
}

function wholeConfig(folder: string, http: string): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 30000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_max_body_size 0;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`;
}

/** One worker with this `http` block; no access log unless that says so. */
export async function startNginx(
  name: string,
  folder: WorkFolder,
  core: number | null,
  http: (port: number) => string,
): Promise<RunningPeer> {
  const port = await freePort();
  const home = `${folder.path}/${name}`;
  const config = folder.write(`${name}/nginx.conf`, wholeConfig(home, http(port)));
  const program = new Program(name, core, 'nginx', ['-p', home, '-e', `${home}/error.log`, '-c', config]);
  await program.listening(port);
  return { program, port };
}

export const nginx: Peer = {
  name: 'nginx',
  start: (folder, core, backendPort) =>
    startNginx('nginx', folder, core, (port) => proxyConfig(port, backendPort, '')),
};

/** With the forwarding headers that Portreeve always sets: the same work to the letter. */
export const nginxHeaders: Peer = {
  name: 'nginx-headers',
  start: (folder, core, backendPort) =>
    startNginx('nginx-headers', folder, core, (port) => proxyConfig(port, backendPort, FORWARDING_HEADERS)),
};

/** The backend of all peers: static files, an answer to POST, and a service that lets everybody in. */
export function startBackend(folder: WorkFolder, core: number | null, root: string): Promise<RunningPeer> {
  return startNginx('backend', folder, core, (port) => backendConfig(port, root));
}
