import { freePort, Program } from '../lib/program.ts';
import type { Peer } from '../peers/peer.ts';
import { AUDIENCE, ISSUER, PAGE } from './tokens.ts';

function configText(port: number, backendPort: number, pemFile: string): string {
  const claim = (name: string, type = '') => `http_auth_bearer,jwt_payload_query('$.${name}'${type})`;
  return `
global
  nbthread 1
  maxconn 15000
  no strict-limits
  log stdout format raw daemon
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend front
  bind 127.0.0.1:${port} backlog 4096
  stick-table type ip size 100k expire 30s store http_req_rate(1s)
  acl from_page req.hdr(Origin) -m str ${PAGE}
  http-request set-var(txn.origin) req.hdr(Origin) if from_page
  http-request deny deny_status 401 unless { http_auth_bearer -m found }
  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.sub) ${claim('sub')}
  http-request set-var(txn.exp) ${claim('exp', ",'int'")}
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { ${claim('iss')} -m str ${ISSUER} }
  http-request deny deny_status 401 unless { ${claim('aud')} -m str ${AUDIENCE} }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${pemFile}") -m int 1 }
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
  http-request set-header X-User %[var(txn.sub)]
  http-request del-header X-Debug
  http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m found }
  http-response add-header Vary Origin
  http-response set-header X-Frame-Options DENY
  http-response del-header ETag
  default_backend back
backend back
  server one 127.0.0.1:${backendPort}
`;
}

/** HAProxy checks the signature of every request anew. */
export function haproxyChain(pem: string): Peer {
  return {
    name: 'haproxy',
    async start(folder, core, backendPort) {
      const port = await freePort();
      const pemFile = folder.write('haproxy-chain/public.pem', pem);
      const config = folder.write('haproxy-chain/haproxy.cfg', configText(port, backendPort, pemFile));
      const program = new Program('haproxy', core, 'haproxy', ['-db', '-f', config], {
        stdoutFile: `${folder.path}/haproxy-chain/access.log`,
      });
      await program.listening(port);
      return { program, port };
    },
  };
}
