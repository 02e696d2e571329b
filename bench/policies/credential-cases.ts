import { type ChildProcess, fork } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { Seal } from '../../src/policies/oidc/seal.ts';
import { sealSession } from '../../src/policies/oidc/session.ts';
import { testConsumer } from '../../src/policies/testing.ts';
import { ConsumerDirectory } from '../../src/state/consumers.ts';
import { AUDIENCE, ISSUER, issueTokens } from '../chain/tokens.ts';
import { entry, one, type PolicyCase, type Prepared, request } from './case.ts';

const { pem, tokens } = issueTokens();
export const BEARER = `Authorization: Bearer ${tokens[0]}`;
export const JWT = {
  keys: [{ pem, algorithms: ['RS256'] }],
  issuers: [ISSUER],
  audiences: [AUDIENCE],
  claimsToHeaders: [{ claim: 'sub', header: 'X-User' }],
};

const API_KEY = 'X-API-Key: key-of-4711';
const SECRET = 'a shared secret of the two';
const CLIENT = { id: 'gateway', secretRef: { name: 'client', key: 'secret' } };

/** 10,000 Consumers, each with a key. */
function consumers(): ConsumerDirectory {
  const directory = new ConsumerDirectory(() => undefined);
  const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
  const all = Array.from({ length: 10_000 }, (_, i) =>
    testConsumer(`c-${i}`, { apiKeys: [digest(`key-of-${i}`)], groups: ['g'] }),
  );
  directory.apply(all, []);
  return directory;
}

function apiKeys(policy: string, config: unknown): () => Prepared {
  return () => ({
    entries: [entry(policy, config)],
    surroundings: { consumers: consumers() },
    sent: request([API_KEY]),
  });
}

function basic(): Prepared {
  const htpasswd = { secretRef: { name: 'users', key: 'auth' } };
  const pair = Buffer.from('ann:correct horse').toString('base64');
  return {
    entries: [entry('basic', { htpasswd })],
    surroundings: { secrets: { 'users/auth': 'ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=' } },
    sent: request([`Authorization: Basic ${pair}`]),
  };
}

function hmac(): Prepared {
  const date = new Date().toUTCString();
  const { target = '/' } = request();
  const text = `date: ${date}\nGET ${target} HTTP/1.1`;
  const mac = createHmac('sha256', SECRET).update(text).digest('base64');
  const said = `hmac username="bob", algorithm="hmac-sha256", headers="date request-line", signature="${mac}"`;
  return {
    entries: [entry('hmac', { users: [{ username: 'bob', secretRef: { name: 'bob', key: 'secret' } }] })],
    surroundings: { secrets: { 'bob/secret': SECRET } },
    sent: request([`Date: ${date}`, `Authorization: ${said}`]),
  };
}

function signature(): Prepared {
  const input = `("@method" "@authority" "@path" "@query");created=${Math.floor(Date.now() / 1000)};keyid="partner"`;
  const [path, query] = request().target!.split('?');
  const base = [
    '"@method": GET',
    '"@authority": shop.test',
    `"@path": ${path}`,
    `"@query": ?${query}`,
    `"@signature-params": ${input}`,
  ].join('\n');
  const mac = createHmac('sha256', SECRET).update(base).digest('base64');
  const key = { id: 'partner', algorithm: 'hmac-sha256', secretRef: { name: 'partner', key: 'key' } };
  return {
    entries: [entry('signature', { keys: [key], maxAge: '1h' })],
    surroundings: { secrets: { 'partner/key': SECRET } },
    sent: request([`Signature-Input: s=${input}`, `Signature: s=:${mac}:`]),
  };
}

function oidc(): Prepared {
  const issuer = 'https://127.0.0.1:9/realm';
  const key = 'a key that has more than 32 characters';
  const nowSeconds = Math.floor(Date.now() / 1000);
  const tokens = { accessToken: null, accessUntil: null, refreshAt: null, refreshToken: null, idToken: null };
  const times = { startedAt: nowSeconds - 10, seenAt: nowSeconds };
  const session = { id: 'one', version: 0, ...times, claims: { sub: 'ann', groups: ['g'] }, ...tokens };
  const sealed = sealSession(session, new Seal(key), `session\n${issuer}\nshop`);
  const name = `portreeve-${createHash('sha256').update(`${issuer}\nshop`).digest('hex').slice(0, 8)}`;
  const config = {
    issuer,
    client: { id: 'shop', secretRef: { name: 'client', key: 'secret' } },
    session: { secretRef: { name: 'sessions', key: 'keys' }, idle: '10h', absolute: '10h' },
    allowHttp: ['browsers'],
  };
  return {
    entries: [entry('oidc', config)],
    surroundings: { secrets: { 'sessions/keys': key, 'client/secret': SECRET } },
    sent: request([`Cookie: a=1; ${name}=1.${sealed}`]),
  };
}

/** A service in a process of its own, so that its work is not ours. */
async function service(answer: object): Promise<{ readonly url: string; close(): Promise<void> }> {
  const child: ChildProcess = fork(new URL('service.ts', import.meta.url), [JSON.stringify(answer)]);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)));
    child.once('exit', () => reject(new Error('the service did not start')));
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      child.kill();
      await ended;
    },
  };
}

async function introspection(): Promise<Prepared> {
  const { url, close } = await service({ active: true, sub: 'ann', scope: 'a b' });
  return {
    entries: [entry('introspection', { url, client: CLIENT, cache: '1h' })],
    surroundings: { secrets: { 'client/secret': SECRET } },
    sent: request(['Authorization: Bearer opaque']),
    close,
  };
}

async function externalAuthorization(): Promise<Prepared> {
  const { url, close } = await service({});
  return { entries: [entry('externalAuthorization', { url })], sent: request(), close };
}

const fast = (policy: string, what: string, prepare: PolicyCase['prepare']): PolicyCase => ({
  ...{ policy, what, slow: false, prepare },
});

export const CREDENTIAL_CASES: readonly PolicyCase[] = [
  fast('apiKey', 'one of 10,000 Consumers, with identityHeaders', apiKeys('apiKey', {})),
  fast(
    'authenticate',
    'the second of two ways',
    apiKeys('authenticate', { anyOf: [{ jwt: JWT }, { apiKey: {} }] }),
  ),
  fast('basic', 'a password that was seen before', basic),
  {
    ...fast('externalAuthorization', 'a service on this machine is asked', externalAuthorization),
    slow: true,
  },
  fast('hmac', 'HMAC-SHA256 of date and request line', hmac),
  fast('introspection', 'a token that was seen before', introspection),
  one('jwt', JWT, 'RS256, a token that was seen before', { sent: request([BEARER]) }),
  fast('oidc', 'a session that was seen before', oidc),
  fast('signature', 'HMAC-SHA256 of four components', signature),
];
