import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { apiServerUrl } from './settings.ts';

/** Files of keys and tokens, all below the cluster's folder and gone with it. */
export interface CredentialFiles {
  /** Token file of the API server: one administrator. */
  readonly tokens: string;
  /** Signs the tokens of service accounts. */
  readonly serviceAccountKey: string;
  /** The API server makes its own certificate here; the file holds the certificate's issuer too, so it serves as CA. */
  readonly ca: string;
}

/** Where the credentials of a cluster are. */
export function credentialFiles({ pki }: Layout): CredentialFiles {
  return {
    tokens: join(pki, 'tokens.csv'),
    serviceAccountKey: join(pki, 'service-account.key'),
    ca: join(pki, 'apiserver.crt'),
  };
}

/** Makes the key and the token of a new cluster; returns the administrator's token. */
export function createCredentials(files: CredentialFiles): string {
  const token = randomBytes(24).toString('base64url');
  writeFileSync(files.tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(files.serviceAccountKey, pem, { mode: 0o600 });
  return token;
}

/** Writes the administrator's kubeconfig; the API server must have made its certificate by then. */
export function writeKubeconfig(layout: Layout, token: string): void {
  const ca = readFileSync(credentialFiles(layout).ca).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: apiServerUrl, 'certificate-authority-data': ca } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
    'current-context': 'local',
  };
  writeFileSync(layout.kubeconfig, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}
