import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CertificatePair } from './certificate.ts';
import { MalformedReviewError, type Verdict } from './review.ts';
import {
  MAX_REVIEW_BYTES,
  startWebhookServer,
  type WebhookServer,
  type WebhookServerOptions,
} from './server.ts';
import { call, issue, keptConnection, NAMES, review } from './testing.ts';

const ALLOWED: Verdict = { allowed: true, warnings: [] };
const OBJECT = { metadata: { name: 'users' }, spec: {} };
let pair: CertificatePair;
let server: WebhookServer | null = null;
const errors: Error[] = [];

beforeAll(async () => {
  pair = await issue(Date.now());
});
afterEach(async () => {
  await server?.close();
  server = null;
  errors.length = 0;
});

async function start(judge: WebhookServerOptions['judge'], reviewMs?: number): Promise<WebhookServer> {
  server = await startWebhookServer({
    address: '127.0.0.1',
    port: 0,
    judge,
    ...(reviewMs === undefined ? {} : { reviewMs }),
    onError: (error) => errors.push(error),
  });
  server.setCertificate(pair);
  return server;
}

const ask = (port: number, body: unknown, path?: string) =>
  call({ port, ca: pair.ca, body, ...(path === undefined ? {} : { path }) });

describe('a review', () => {
  test('is answered with its uid and the verdict', async () => {
    const { port } = await start(async () => ALLOWED);
    const { status, body } = await ask(port, review({ uid: 'abc', object: OBJECT }));
    expect(status).toBe(200);
    expect(body).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'abc', allowed: true },
    });
  });

  test('reaches the judge as it was sent', async () => {
    const seen: unknown[] = [];
    const { port } = await start(async (request) => {
      seen.push(request);
      return ALLOWED;
    });
    await ask(
      port,
      review({ operation: 'UPDATE', object: OBJECT, oldObject: { spec: 1 }, subResource: 'status' }),
    );
    expect(seen).toEqual([
      {
        uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
        operation: 'UPDATE',
        apiVersion: 'portreeve.dev/v1alpha1',
        kind: 'GatewayRoute',
        subResource: 'status',
        namespace: 'shop',
        object: OBJECT,
        oldObject: { spec: 1 },
      },
    ]);
  });

  test('is refused with everything that is wrong, without control characters, within limits', async () => {
    const message = `first \u001b[31mred\nsecond${'x'.repeat(100_000)}`;
    const warnings = Array.from({ length: 30 }, (_, i) => `warning ${i}\n${'y'.repeat(1000)}`);
    const { port } = await start(async () => ({ allowed: false, message, warnings }));
    const { response } = (await ask(port, review({ object: OBJECT }))).body as {
      response: { allowed: boolean; status: { code: number; message: string }; warnings: string[] };
    };
    expect(response.allowed).toBe(false);
    expect(response.status.code).toBe(422);
    expect(response.status.message).toMatch(/^first \ufffd\[31mred\nsecondx+…$/);
    expect(response.status.message.length).toBe(8192);
    expect(response.warnings).toHaveLength(11);
    expect(response.warnings.at(-1)).toBe('and 20 more warnings');
    for (const warning of response.warnings) expect(warning).toMatch(/^[^\n]{1,256}$/);
  });

  test('of an object that can not be judged is allowed, with a warning', async () => {
    const { port } = await start(async () => {
      throw new Error('a fault of ours');
    });
    const { status, body } = await ask(port, review({ object: OBJECT }));
    expect(status).toBe(200);
    expect(body.response).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('was not checked')],
    });
    expect(JSON.stringify(body)).not.toContain('a fault of ours');
    expect(errors.map((error) => error.message)).toEqual(['a fault of ours']);
  });

  test('is answered in time when the judge is not, who is told to stop', async () => {
    let stopped: AbortSignal | null = null;
    const { port } = await start(async (_, signal) => {
      stopped = signal;
      await sleep(60_000, undefined, { signal, ref: false });
      return ALLOWED;
    }, 50);
    const { body } = await ask(port, review({ object: OBJECT }));
    expect(body.response).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('longer than 50 ms')],
    });
    expect(stopped!.aborted).toBe(true);
    expect(errors).toEqual([]);
  });

  test('is answered in half of the time that the API server says that it waits', async () => {
    const { port } = await start((_, signal) => sleep(60_000, ALLOWED, { signal, ref: false }), 60_000);
    const { body } = await ask(port, review({ object: OBJECT }), '/validate?timeout=1s');
    expect(body.response).toMatchObject({ warnings: [expect.stringContaining('longer than 500 ms')] });
  });
});

describe('the end', () => {
  test('comes after the answer to what was asked before, for idle connections at once', async () => {
    let asked = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { port, close } = await start(async ({ uid }, signal) => {
      if (uid !== 'slow') return ALLOWED;
      asked();
      return sleep(200, ALLOWED, { signal });
    });
    const [idle, busy] = [keptConnection(), keptConnection()];
    await call({ port, ca: pair.ca, agent: idle, body: review({ object: OBJECT }) });
    const slow = call({ port, ca: pair.ca, agent: busy, body: review({ uid: 'slow', object: OBJECT }) });
    await arrived;
    const closed = close();
    const answer = await slow;
    expect(answer).toMatchObject({ status: 200, body: { response: { allowed: true } }, connection: 'close' });
    await closed;
    await expect(ask(port, review({}))).rejects.toThrow('ECONNREFUSED');
    idle.destroy();
    busy.destroy();
  });

  test('does not wait for a client that never ends its request', async () => {
    const { port, close } = await start(async () => ALLOWED);
    const socket = connect({ port, host: '127.0.0.1', ca: pair.ca, servername: NAMES[0] });
    await once(socket, 'secureConnect');
    socket.write(
      `POST /validate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n`,
    );
    const ended = once(
      socket.on('error', () => {}),
      'close',
    );
    await close();
    await ended;
  });
});

describe('what is no review', () => {
  const refused: readonly [string, unknown][] = [
    ['not JSON', '{'],
    ['empty', ''],
    ['a list', []],
    ['null', 'null'],
    ['a beta review', { ...review({}), apiVersion: 'admission.k8s.io/v1beta1' }],
    ['another kind', { ...review({}), kind: 'ConversionReview' }],
    ['without a request', { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }],
    ['without a uid', review({ uid: undefined })],
    ['with an empty uid', review({ uid: '' })],
    ['with a uid that is a number', review({ uid: 7 })],
    ['with an unknown operation', review({ operation: 'PATCH' })],
    ['without a kind', review({ kind: null })],
    ['with a kind that is text', review({ kind: 'GatewayRoute' })],
    ['with __proto__', '{"__proto__":{"request":{}},"kind":"AdmissionReview"}'],
  ];
  test.each(refused)('%s: 400', async (_, body) => {
    const { port } = await start(async () => ALLOWED);
    expect(await ask(port, body)).toMatchObject({ status: 400, body: { status: 400 } });
  });

  test('what the judge finds malformed: 400', async () => {
    const { port } = await start(async () => {
      throw new MalformedReviewError('request.object must be an object');
    });
    const { status, body } = await ask(port, review({ object: 3 }));
    expect([status, body.detail]).toEqual([400, 'request.object must be an object']);
  });

  test('a body that is too large: 413', async () => {
    const { port } = await start(async () => ALLOWED);
    const body = JSON.stringify(review({ object: { metadata: {}, text: 'x'.repeat(MAX_REVIEW_BYTES) } }));
    expect((await ask(port, body)).status).toBe(413);
    expect((await ask(port, review({ object: OBJECT }))).status).toBe(200);
  });

  test('another content type: 415; another path or method: 404', async () => {
    const { port } = await start(async () => ALLOWED);
    const { ca } = pair;
    expect((await call({ port, ca, body: '{}', headers: { 'content-type': 'text/yaml' } })).status).toBe(415);
    expect((await call({ port, ca, body: '{}', path: '/mutate' })).status).toBe(404);
    expect((await call({ port, ca, method: 'GET', body: '' })).status).toBe(404);
  });
});

describe('the certificate', () => {
  test('is not there at first: no connection can be made, and then it can', async () => {
    server = await startWebhookServer({
      address: '127.0.0.1',
      port: 0,
      judge: async () => ALLOWED,
      onError: () => {},
    });
    await expect(ask(server.port, review({}))).rejects.toThrow();
    server.setCertificate(pair);
    expect((await ask(server.port, review({ object: OBJECT }))).status).toBe(200);
  });

  test('changes for new connections, and running ones go on', async () => {
    const { port, setCertificate } = await start(async () => ALLOWED);
    const agent = keptConnection();
    const body = review({ object: OBJECT });
    const first = await call({ port, ca: pair.ca, agent, body });
    const fresh = await issue(Date.now());
    setCertificate(fresh);
    const second = await call({ port, ca: pair.ca, agent, body });
    expect([second.status, second.localPort, second.serial]).toEqual([200, first.localPort, first.serial]);
    const third = await call({ port, ca: fresh.ca, body });
    expect(third.status).toBe(200);
    expect(third.serial).not.toBe(first.serial);
    await expect(ask(port, body)).rejects.toThrow(/unable to verify|self.signed/);
    agent.destroy();
  });

  test('is seen soon by one who keeps a connection', async () => {
    const { port } = await start(async () => ALLOWED);
    const agent = keptConnection();
    const replies = [];
    for (let i = 0; i < 101; i++) {
      replies.push(await call({ port, ca: pair.ca, agent, body: review({ object: OBJECT }) }));
    }
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ localPort }) => localPort)).size).toBe(2);
    agent.destroy();
  });

  test('an address that is taken is told', async () => {
    const { port } = await start(async () => ALLOWED);
    const second = startWebhookServer({
      address: '127.0.0.1',
      port,
      judge: async () => ALLOWED,
      onError: () => {},
    });
    await expect(second).rejects.toThrow(`the webhook can't listen on 127.0.0.1 port ${port}`);
  });
});
