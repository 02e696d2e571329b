import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisAnswers } from '../../../src/state/cache/redis-store.ts';
import { describeStore } from '../../../src/state/cache/testing.ts';
import { RedisClient } from '../../../src/state/redis/client.ts';
import { RedisProcess } from '../support/redis.ts';
import { until } from '../support/wait.ts';
import { Cached, FRESH } from './cached.ts';

let redis: RedisProcess;
let client: RedisClient;
beforeAll(async () => {
  redis = await RedisProcess.server();
  client = new RedisClient(
    {
      name: 'test',
      topology: { kind: 'single', address: { host: '127.0.0.1', port: redis.port } },
      username: null,
      password: null,
      tls: false,
      database: 0,
      timeoutMs: 5_000,
    },
    () => undefined,
  );
  await until(() => client.connection.status === 'ready', 'Redis answers');
});
afterAll(async () => {
  client.close();
  await redis.stop();
});

describeStore('RedisAnswers', async () => {
  await client.ask((connection) => connection.flushall());
  return [new RedisAnswers(client), new RedisAnswers(client)];
});

describe('a cache in Redis', () => {
  it('is one for all replicas; without Redis the backend answers', async () => {
    await client.ask((connection) => connection.flushall());
    const policies = { shop: [{ cache: { store: { redis: { ref: 'main' } } } }] };
    const settings = { redis: [{ name: 'main', address: `127.0.0.1:${redis.port}`, timeout: '1s' }] };
    const one = await Cached.start(policies, { settings, threads: 1 });
    const other = await Cached.start(policies, { settings, threads: 1 });
    try {
      for (const each of [one, other]) {
        each.says((_, count) => ({
          lines: [FRESH, 'Cache-Tag: t'],
          body: `${each === one ? 'one' : 'other'} ${count}`,
        }));
      }
      const isKept = async () => /hit/.test((await one.get('/r')).header('cache-status') ?? '');
      await until(isKept, 'the answer is in Redis', 20_000);
      const { body } = await one.get('/r');
      const asked = other.asked('/r');
      expect((await other.get('/r')).body).toBe(body);
      expect(other.asked('/r')).toBe(asked);

      const purged = await fetch(`http://127.0.0.1:${other.gateway.adminPort}/cache?tag=t`, {
        method: 'DELETE',
      });
      expect([purged.status, await purged.json()]).toEqual([
        200,
        { memory: 0, redis: [{ name: 'main', error: null }] },
      ]);
      expect((await one.get('/r')).body).not.toBe(body);

      redis.kill();
      const before = one.asked('/down');
      for (let i = 0; i < 3; i++) expect((await one.get('/down')).status).toBe(200);
      expect(one.asked('/down')).toBe(before + 3);
    } finally {
      await one.stop();
      await other.stop();
    }
  });
});
