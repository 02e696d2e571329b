import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headerOf } from '../support/http-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/wait.ts';
import { Cached, FRESH } from './cached.ts';

let cached: Cached;
beforeAll(async () => {
  cached = await Cached.start({ shop: [{ cache: { wait: '50s' } }], hasty: [{ cache: { wait: '200ms' } }] });
});
afterAll(() => cached.stop());

const CLIENTS = 1000;

/** A promise with its key. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}

async function crowd(path: string, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i += 100) {
    clients.push(
      ...(await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(cached.gateway.port)))),
    );
  }
  for (const client of clients) client.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`);
  return clients;
}

async function answersOf(clients: readonly RawClient[]) {
  const answers = await Promise.all(clients.map((client) => client.answer('GET', 60_000)));
  for (const client of clients) client.destroy();
  return answers;
}

async function metric(name: string): Promise<number> {
  const { text } = await cached.gateway.admin('/metrics');
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 'NaN');
}

describe('many requests for the same', () => {
  it('ask the backend once, over all threads', async () => {
    const { open, opened } = gate();
    cached.says({ lines: [FRESH], body: 'hot', after: opened });
    const clients = await crowd('/hot', CLIENTS);
    await until(() => cached.asked('/hot') > 0, 'the backend is asked');
    await until(
      async () => (await metric('gateway_requests_in_flight')) === CLIENTS,
      'all requests wait',
      30_000,
    );
    open();
    const answers = await answersOf(clients);
    expect(answers.every(({ status, body }) => status === 200 && body === 'hot')).toBe(true);
    expect(cached.asked('/hot')).toBe(1);
    expect(answers.filter((one) => /collapsed/.test(headerOf(one, 'cache-status') ?? ''))).toHaveLength(
      CLIENTS - 1,
    );
    expect(await metric('gateway_cache_hits_total')).toBe(CLIENTS - 1);
    expect(await metric('gateway_cache_misses_total')).toBe(1);
  });

  it('all go to the backend at once when its answer is not to be kept', async () => {
    const first = gate();
    const rest = gate();
    const count = 100;
    cached.says((_, n) => ({
      lines: ['Cache-Control: no-store'],
      body: String(n),
      after: n === 1 ? first.opened : rest.opened,
    }));
    const clients = await crowd('/unkept', count);
    await until(() => cached.asked('/unkept') > 0, 'the backend is asked');
    await until(
      async () => (await metric('gateway_requests_in_flight')) === count,
      'all requests wait',
      30_000,
    );
    expect(cached.asked('/unkept')).toBe(1);
    first.open();
    // None of them is answered before all have asked: they do not wait for one another.
    await until(() => cached.asked('/unkept') === count, 'every request is at the backend', 30_000);
    rest.open();
    const answers = await answersOf(clients);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(count);
  });

  it('are not held up by one whose answer fails', async () => {
    const first = gate();
    const rest = gate();
    const count = 50;
    cached.says((_, n) =>
      n === 1
        ? { status: 503, body: 'down', after: first.opened }
        : { lines: [FRESH], body: 'up', after: rest.opened },
    );
    const clients = await crowd('/failing', 100);
    await until(
      async () => (await metric('gateway_requests_in_flight')) === 100,
      'all requests wait',
      30_000,
    );
    first.open();
    await until(() => cached.asked('/failing') >= count, 'the others ask', 30_000);
    rest.open();
    const answers = await answersOf(clients);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(1);
    expect(answers.filter(({ body }) => body === 'up')).toHaveLength(99);
  });

  it('let another one ask when the first client leaves', async () => {
    const held = gate();
    cached.says((_, n) => ({
      lines: [FRESH],
      body: String(n),
      after: n === 1 ? held.opened : Promise.resolve(),
    }));
    const first = await RawClient.connect(cached.gateway.port);
    first.write('GET /left HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    await until(() => cached.asked('/left') === 1, 'the backend is asked');
    const clients = await crowd('/left', 100);
    await until(
      async () => (await metric('gateway_requests_in_flight')) === 101,
      'all requests wait',
      30_000,
    );
    first.reset();
    const answers = await answersOf(clients);
    held.open();
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['2']));
    expect(cached.asked('/left')).toBe(2);
  });

  it('wait no longer than they may for a client that reads slowly', async () => {
    const held = gate();
    cached.says((_, n) => ({
      lines: [FRESH],
      body: String(n),
      after: n === 1 ? held.opened : Promise.resolve(),
    }));
    const first = cached.get('/slow', { Host: 'hasty.test' });
    await until(() => cached.asked('/slow') === 1, 'the backend is asked');
    expect((await cached.get('/slow', { Host: 'hasty.test' })).body).toBe('2');
    held.open();
    expect((await first).body).toBe('1');
  });
});
