import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Gateway, startGateway } from './support/gateway.ts';
import { head, rawRequest } from './support/raw-client.ts';
import { forward, route } from './support/resources.ts';
import { requestFor } from './support/smuggling.ts';
import { answering, RecordingUpstream } from './support/upstream.ts';
import { until } from './support/wait.ts';

/** Consumers that sign, over sockets. What they sign is put together here by the texts of RFC 9421 and of Kong's documentation. */
const SECRET = 'a secret of sixteen or more';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const PEM = publicKey.export({ type: 'spki', format: 'pem' }) as string;

let upstream: RecordingUpstream;
let gateway: Gateway;

const object = (kind: string, name: string, rest: object) =>
  stringify({
    apiVersion: kind === 'Secret' ? 'v1' : 'portreeve.dev/v1alpha1',
    ...{ kind, metadata: { name, namespace: 'default' } },
    ...rest,
  });
const secret = (name: string, text: string) => object('Secret', name, { stringData: { secret: text } });
const consumer = (name: string, credential: object, more: object = {}) =>
  object('Consumer', name, { spec: { credentials: [credential], groups: ['signers'], ...more } });

beforeAll(async () => {
  upstream = await RecordingUpstream.start(answering());
  gateway = await startGateway({
    threads: 2,
    files: {
      'route.yaml': route('all', [
        forward('/hmac', upstream.port, { policies: [{ hmac: {} }] }),
        forward('/signed', upstream.port, {
          policies: [{ signature: {} }, { require: { groups: ['signers'] } }],
        }),
        forward('/either', upstream.port, {
          policies: [{ authenticate: { anyOf: [{ hmac: {} }, { signature: {} }] } }],
        }),
      ]),
      'acme.yaml': consumer('acme', { hmac: { username: 'acme-bot', secretRef: { name: 'acme' } } }),
      'acme-secret.yaml': secret('acme', SECRET),
      'bolt.yaml': consumer('bolt', { signature: { keyId: 'bolt-1', algorithm: 'ed25519', publicKey: PEM } }),
      'cord.yaml': consumer('cord', {
        signature: { keyId: 'cord-1', algorithm: 'hmac-sha256', secretRef: { name: 'cord', key: 'secret' } },
      }),
      'cord-secret.yaml': secret('cord', SECRET),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

interface Sent {
  readonly method?: string;
  readonly body?: string;
  /** Sent in place of the body that was signed. */
  readonly swapped?: string;
}

/** Sends it; returns the status and whom the backend was told. */
async function send(
  target: string,
  lines: readonly string[],
  { method = 'GET', body = '', swapped = body }: Sent,
) {
  const length = swapped === '' ? [] : [`Content-Length: ${swapped.length}`];
  const { status } = await rawRequest(
    gateway.port,
    head(`${method} ${target}`, ...lines, ...length) + swapped,
    method,
  );
  return { status, consumer: requestFor(upstream, target)?.header('x-consumer-name') ?? null };
}

/** As https://docs.konghq.com/hub/kong-inc/hmac-auth/ has clients sign. */
function byHmac(target: string, sent: Sent = {}, key = SECRET, username = 'acme-bot') {
  const { method = 'GET', body = '' } = sent;
  const date = new Date().toUTCString();
  const digest = `SHA-256=${createHash('sha256').update(body).digest('base64')}`;
  const signed = [
    `date: ${date}`,
    `${method} ${target} HTTP/1.1`,
    ...(body === '' ? [] : [`digest: ${digest}`]),
  ];
  const names = ['date', 'request-line', ...(body === '' ? [] : ['digest'])].join(' ');
  const mac = createHmac('sha256', key).update(signed.join('\n')).digest('base64');
  const authorization = `hmac username="${username}", algorithm="hmac-sha256", headers="${names}", signature="${mac}"`;
  const lines = [
    `Date: ${date}`,
    `Authorization: ${authorization}`,
    ...(body === '' ? [] : [`Digest: ${digest}`]),
  ];
  return send(target, lines, sent);
}

type Signer = (base: Buffer) => Buffer;
const BOLT: Signer = (base) => sign(null, base, privateKey);
const cord =
  (key: string): Signer =>
  (base) =>
    createHmac('sha256', key).update(base).digest();

/** RFC 9421 section 2.5. */
function bySignature(target: string, keyId: string, signer: Signer, sent: Sent & { nonce?: string } = {}) {
  const { method = 'GET', body = '', nonce } = sent;
  const [path, query = ''] = target.split('?');
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const parts = [
    ['"@method"', method],
    ['"@authority"', 'shop.test'],
    ['"@path"', path],
    ['"@query"', `?${query}`],
    ...(body === '' ? [] : [['"content-digest"', digest]]),
  ];
  const created = Math.floor(Date.now() / 1000);
  const more = nonce === undefined ? '' : `;nonce="${nonce}"`;
  const input = `(${parts.map(([name]) => name).join(' ')});created=${created};keyid="${keyId}"${more}`;
  const lines = [...parts.map(([name, value]) => `${name}: ${value}`), `"@signature-params": ${input}`];
  const signature = signer(Buffer.from(lines.join('\n'))).toString('base64');
  return send(
    target,
    [
      ...[`Signature-Input: sig=${input}`, `Signature: sig=:${signature}:`],
      ...(body === '' ? [] : [`Content-Digest: ${digest}`]),
    ],
    sent,
  );
}

describe('hmac', () => {
  it('lets a Consumer in that signed, with and without a body, and tells the backend who it is', async () => {
    expect(await byHmac('/hmac/get?a=b')).toEqual({ status: 200, consumer: 'acme' });
    const body = '{"item":"tea"}';
    expect(await byHmac('/hmac/post', { method: 'POST', body })).toEqual({ status: 200, consumer: 'acme' });
    expect(requestFor(upstream, '/hmac/post')?.body).toBe(body);
    expect(requestFor(upstream, '/hmac/post')?.header('authorization')).toBeNull();
  });

  it('refuses another secret, another name, another body, and nobody reaches the backend', async () => {
    const refused = { status: 401, consumer: null };
    expect(await byHmac('/hmac/wrong', {}, 'another secret of sixteen')).toEqual(refused);
    expect(await byHmac('/hmac/nobody', {}, SECRET, 'nobody')).toEqual(refused);
    const swapped = { method: 'POST', body: 'signed', swapped: 'forged' };
    expect(await byHmac('/hmac/swapped', swapped)).toEqual(refused);
    expect(requestFor(upstream, '/hmac/swapped')).toBeNull();
  });

  it('a new secret holds at once, and the old one no longer', async () => {
    const next = 'the next secret, as long as it must be';
    gateway.write('acme-secret.yaml', secret('acme', next));
    let turn = 0;
    await until(async () => (await byHmac(`/hmac/new-${turn++}`, {}, next)).status === 200, 'it holds');
    expect((await byHmac('/hmac/old', {}, SECRET)).status).toBe(401);
    gateway.write('acme-secret.yaml', secret('acme', SECRET));
    await until(async () => (await byHmac(`/hmac/back-${turn++}`)).status === 200, 'the first is back');
  });
});

describe('HTTP Message Signatures', () => {
  it.each<[string, string, Signer]>([
    ['bolt', 'bolt-1', BOLT],
    ['cord', 'cord-1', cord(SECRET)],
  ])('let Consumer %s in, with its groups', async (name, keyId, signer) => {
    expect(await bySignature(`/signed/${name}?x=1`, keyId, signer)).toEqual({ status: 200, consumer: name });
    const body = 'a=1';
    const posted = await bySignature(`/signed/${name}/post`, keyId, signer, { method: 'POST', body });
    expect(posted).toEqual({ status: 200, consumer: name });
    expect(requestFor(upstream, `/signed/${name}/post`)?.body).toBe(body);
  });

  it("do not with another's key, another body, or a nonce that was used", async () => {
    const refused = { status: 401, consumer: null };
    expect(await bySignature('/signed/forged', 'bolt-1', cord(PEM))).toEqual(refused);
    expect(await bySignature('/signed/crossed', 'cord-1', BOLT)).toEqual(refused);
    expect(await bySignature('/signed/unknown', 'nobody', BOLT)).toEqual(refused);
    const swapped = { method: 'POST', body: 'signed', swapped: 'forged' };
    expect(await bySignature('/signed/swapped', 'bolt-1', BOLT, swapped)).toEqual(refused);
    const once = { nonce: 'only-once' };
    expect((await bySignature('/signed/once', 'bolt-1', BOLT, once)).status).toBe(200);
    // Whichever thread takes it.
    for (let i = 0; i < 6; i++) {
      expect(await bySignature(`/signed/again-${i}`, 'bolt-1', BOLT, once)).toEqual(refused);
    }
  });

  it('of a Consumer that is gone count no longer', async () => {
    gateway.write(
      'dawn.yaml',
      consumer('dawn', { signature: { keyId: 'dawn-1', algorithm: 'ed25519', publicKey: PEM } }),
    );
    let turn = 0;
    const status = async () => (await bySignature(`/signed/dawn-${turn++}`, 'dawn-1', BOLT)).status;
    await until(async () => (await status()) === 200, 'dawn is known');
    gateway.folder.remove('gateway.d/dawn.yaml');
    await until(async () => (await status()) === 401, 'dawn is forgotten');
  });
});

it('either of both, where one is enough', async () => {
  expect(await byHmac('/either/hmac')).toEqual({ status: 200, consumer: 'acme' });
  expect(await bySignature('/either/sig', 'bolt-1', BOLT)).toEqual({ status: 200, consumer: 'bolt' });
  expect((await send('/either/none', [], {})).status).toBe(401);
});

it('two Consumers with one name to sign under: the older keeps it, and validate says so', async () => {
  gateway.write(
    'acme-twin.yaml',
    consumer('zwin', { hmac: { username: 'acme-bot', secretRef: { name: 'twin' } } }),
  );
  gateway.write('twin-secret.yaml', secret('twin', 'the secret of somebody else'));
  await until(() => gateway.log.includes('credential of Consumer/default/acme'), 'it is told');
  expect(await byHmac('/hmac/twin-first')).toEqual({ status: 200, consumer: 'acme' });
  expect((await byHmac('/hmac/twin-second', {}, 'the secret of somebody else')).status).toBe(401);
});
