import { afterEach, expect, test, vi } from 'vitest';
import type { EndpointsIr } from '../ir/cluster.ts';
import { type IrDelta, NO_CHANGE } from '../ir/gateway.ts';
import type { RouteIr } from '../ir/route.ts';
import type { GatewaySettings } from '../ir/settings.ts';
import { ListenError, type Publication, Publisher } from './publisher.ts';
import { NO_CACHE, NO_LIMITS, STUB, type StubStart } from './stub-thread.ts';
import { ThreadPool } from './threads.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const pools: ThreadPool[] = [];

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

function start(count: number): { publisher: Publisher; pool: ThreadPool; shared: Int32Array[] } {
  const shared = Array.from({ length: count }, () => new Int32Array(new SharedArrayBuffer(32)));
  const pool = new ThreadPool({
    entry: new URL('./stub-thread.ts', import.meta.url),
    count,
    start: (threadId): StubStart => ({
      threadId,
      settings: {} as GatewaySettings,
      limits: NO_LIMITS,
      cache: NO_CACHE,
      ticketKeys: { shared: new SharedArrayBuffer(0) },
      shared: shared[threadId]!,
    }),
    backoffMs: 5,
    maxBackoffMs: 50,
    log,
  });
  pools.push(pool);
  const publisher = new Publisher(pool, log);
  pool.start(publisher);
  return { publisher, pool, shared };
}

function route(name: string): RouteIr {
  const object = { kind: 'GatewayRoute', namespace: 'default', name };
  const origin = { object, fieldPath: '', location: null };
  return { key: `GatewayRoute/default/${name}`, origin, createdAtMs: 0, hosts: [], listeners: [], rules: [] };
}

function upsert(...names: string[]): IrDelta {
  return { ...NO_CHANGE, upsertRoutes: names.map(route) };
}

const endpoints: EndpointsIr[] = [{ cluster: 'a', endpoints: [] }];

test('a generation is programmed when every thread has acknowledged it', async () => {
  const { publisher, shared } = start(2);
  const generation = publisher.publish(upsert('a', 'b'), endpoints);
  expect(publisher.threads().map((one) => one.generation)).toEqual([null, null]);
  await publisher.programmed(generation);
  expect(publisher.threads().map((one) => one.generation)).toEqual([1, 1]);
  expect(shared.map((one) => one[STUB.routes])).toEqual([2, 2]);
});

test('endpoints travel without a generation', async () => {
  const { publisher, shared } = start(1);
  await publisher.programmed(publisher.publish(upsert('a'), []));
  publisher.publishEndpoints(endpoints);
  await vi.waitFor(() => expect(shared[0]![STUB.endpoints]).toBe(1));
  expect(publisher.generation).toBe(1);
});

test('a thread that dies comes back with everything and listens again', async () => {
  const { publisher, shared } = start(2);
  await publisher.programmed(publisher.publish(upsert('a', 'b'), endpoints));
  await publisher.listen();
  shared[1]![STUB.dieOnApply] = 1;
  const generation = publisher.publish(upsert('c'), []);
  await publisher.programmed(generation);
  expect(shared.map((one) => one[STUB.routes])).toEqual([3, 3]);
  expect(shared[1]![STUB.applies]).toBe(2);
  await vi.waitFor(() => expect(publisher.threads().every((one) => one.listening)).toBe(true));
  expect(publisher.threads().map((one) => one.restarts)).toEqual([0, 1]);
});

test('a thread that cannot listen fails the start', async () => {
  const { publisher, shared } = start(2);
  shared[1]![STUB.failListen] = 1;
  publisher.publish(upsert(), []);
  await expect(publisher.listen()).rejects.toThrow(ListenError);
});

test('parts are one generation, and one publication for those who follow', async () => {
  const { publisher, shared } = start(2);
  const told: Publication[] = [];
  publisher.follow((publication) => told.push(publication));
  publisher.stage(upsert('a'), endpoints);
  publisher.stage(upsert('b'), []);
  await publisher.programmed(publisher.publish(upsert('c'), []));
  expect(shared.map((one) => [one[STUB.stages], one[STUB.applies], one[STUB.routes]])).toEqual([
    [2, 1, 3],
    [2, 1, 3],
  ]);
  publisher.publish(upsert('d'), []);
  const keys = told.map((one) => one.type === 'apply' && one.delta.upsertRoutes.map(({ key }) => key.at(-1)));
  expect(keys).toEqual([['a', 'b', 'c'], ['d']]);
  expect(told[0]).toMatchObject({ generation: 1, endpoints });
});

test('a drain ends when every thread has answered, and sums what was cut off', async () => {
  const { publisher } = start(3);
  publisher.publish(upsert(), []);
  await publisher.listen();
  expect(await publisher.drain(100)).toBe(3);
});

test('a drain does not wait for a thread that is gone', async () => {
  const { publisher, shared } = start(2);
  publisher.publish(upsert(), []);
  await publisher.listen();
  shared[0]![STUB.dieOnApply] = 1;
  publisher.publish(upsert('a'), []);
  await vi.waitFor(() => expect(publisher.threads()[0]!.restarts).toBe(1));
  expect(await publisher.drain(100)).toBeLessThanOrEqual(2);
});
