import { startNginx } from '../peers/nginx.ts';
import type { Peer } from '../peers/peer.ts';
import { PAGE } from './tokens.ts';

/** The fields of Portreeve's log, as far as nginx knows them. */
const LOG_FORMAT = `log_format fields escape=json '{"time":"$time_iso8601","requestId":"$request_id",'
    '"clientAddress":"$remote_addr","method":"$request_method","host":"$host","path":"$uri",'
    '"protocol":"$server_protocol","status":$status,"bytesIn":$request_length,"bytesOut":$body_bytes_sent,'
    '"duration":$request_time,"upstream":"$upstream_response_time","endpoint":"$upstream_addr",'
    '"userAgent":"$http_user_agent"}';`;

function configText(folder: string, port: number, backendPort: number): string {
  return `
  ${LOG_FORMAT}
  map $http_origin $allowed_origin { default ""; "${PAGE}" $http_origin; }
  limit_req_zone $binary_remote_addr zone=all:10m rate=1000000r/s;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    access_log ${folder}/access.log fields buffer=64k flush=1s;
    proxy_http_version 1.1;
    proxy_max_temp_file_size 0;
    location / {
      auth_request /authorize;
      auth_request_set $user $upstream_http_x_user;
      limit_req zone=all burst=100000 nodelay;
      limit_req_status 429;
      proxy_pass http://backend;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-User $user;
      proxy_set_header X-Debug "";
      add_header Access-Control-Allow-Origin $allowed_origin always;
      add_header Vary Origin always;
      add_header X-Frame-Options DENY always;
      proxy_hide_header ETag;
    }
    location = /authorize {
      internal;
      proxy_pass http://backend/authorize;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
    }
  }`;
}

/** nginx has no JWT policy: it asks a service beside it for every request, which here says yes unseen. */
export const nginxChain: Peer = {
  name: 'nginx',
  start: (folder, core, backendPort) =>
    startNginx('nginx-chain', folder, core, (port) =>
      configText(`${folder.path}/nginx-chain`, port, backendPort),
    ),
};
