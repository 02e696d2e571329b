import { Agent, request } from 'node:https';
import { type CertificatePair, issueCertificate } from './certificate.ts';

export const NAMES = ['hook.test.svc', 'hook.test.svc.cluster.local'] as const;

export function issue(nowMs: number, lifetimeMs = 3_600_000): Promise<CertificatePair> {
  return issueCertificate({ names: [...NAMES], nowMs, lifetimeMs });
}

export interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** The Connection header. */
  readonly connection: string | undefined;
  /** The certificate that the server showed on this connection. */
  readonly serial: string;
  /** Of the connection: differs from connection to connection. */
  readonly localPort: number;
}

export interface Call {
  readonly port: number;
  readonly ca: string;
  readonly agent?: Agent;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when it is text or bytes, else as JSON. */
  readonly body?: unknown;
}

/** One connection that is kept. */
export function keptConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
}

/** Calls as an API server does: by the Service's name, trusting one authority. */
export function call({
  port,
  ca,
  body,
  agent,
  path = '/validate',
  method = 'POST',
  headers,
}: Call): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca,
        servername: NAMES[0],
        agent: agent ?? false,
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        const socket = response.socket as import('node:tls').TLSSocket;
        const serial = socket.getPeerCertificate().serialNumber;
        const { localPort = 0 } = socket;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            connection: response.headers.connection,
            body: JSON.parse(text || '{}'),
            serial,
            localPort,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  });
}

/** An AdmissionReview as API servers send it, with the given parts of its request in place of the usual ones. */
export function review(request: Readonly<Record<string, unknown>>): object {
  const usual = {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: 'portreeve.dev', version: 'v1alpha1', kind: 'GatewayRoute' },
    resource: { group: 'portreeve.dev', version: 'v1alpha1', resource: 'gatewayroutes' },
    name: 'users',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'admin', groups: ['system:authenticated'] },
    dryRun: false,
  };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { ...usual, ...request } };
}
