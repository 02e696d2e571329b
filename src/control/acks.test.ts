import { afterEach, expect, test } from 'vitest';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { ResourceChange, SourcedObject } from '../sources/source.ts';
import { AckLog } from './acks.ts';
import { Publisher } from './publisher.ts';
import { ThreadPool } from './threads.ts';

const ref = (name: string) => ({ kind: 'GatewayRoute', namespace: 'n', name });
const log = { info: () => {}, warn: () => {}, error: () => {} };
let pool: ThreadPool | null = null;

afterEach(() => pool?.stop());

function change(upsert: Record<string, string>, ...remove: string[]): ResourceChange {
  const objects = Object.entries(upsert).map(([name, version]) => ({ ref: ref(name), version }));
  return { upsert: objects as unknown as SourcedObject[], remove: remove.map(ref), findings: [] };
}

function start(): { publisher: Publisher; acks: AckLog } {
  pool = new ThreadPool({
    entry: new URL('./stub-thread.ts', import.meta.url),
    count: 2,
    start: (threadId) => ({ threadId, shared: new Int32Array(new SharedArrayBuffer(32)) }) as never,
    ...{ backoffMs: 1, maxBackoffMs: 10, log },
  });
  const publisher = new Publisher(pool, log);
  pool.start({
    started: (id) => publisher.started(id),
    lost: (id) => publisher.lost(id),
    message: (id, message) => publisher.message(id, message as never),
  });
  return { publisher, acks: new AckLog(publisher, ({ kind }) => kind === 'GatewayRoute') };
}

test('says what every thread has acknowledged, and what is new since', async () => {
  const { publisher, acks } = start();
  acks.published(publisher.publish(NO_CHANGE, []), change({ a: '1', b: '1' }));
  expect(acks.since('', 0)).toMatchObject({ cursor: 0, acks: [] });
  const first = await acks.wait(acks.epoch, 0, 10_000);
  expect(first.acks.map(({ key, version }) => [key, version])).toEqual([
    ['GatewayRoute/n/a', '1'],
    ['GatewayRoute/n/b', '1'],
  ]);
  acks.published(publisher.publish(NO_CHANGE, []), change({ a: '2' }, 'b'));
  const second = await acks.wait(first.epoch, first.cursor, 10_000);
  expect(second.acks).toEqual([{ key: 'GatewayRoute/n/a', version: '2', failure: null }]);
  expect(acks.since('another epoch', 99).acks).toHaveLength(1);
});

test('an object that changes nothing for the threads is acknowledged too', async () => {
  const { publisher, acks } = start();
  await publisher.programmed(publisher.publish(NO_CHANGE, []));
  acks.published(publisher.generation, change({ a: '1' }));
  expect((await acks.wait(acks.epoch, 0, 10_000)).acks).toHaveLength(1);
});

test('a wait ends without news', async () => {
  const { acks } = start();
  expect(await acks.wait(acks.epoch, 0, 10)).toEqual({
    ...{ epoch: acks.epoch, cursor: 0, attended: true, acks: [] },
  });
});
