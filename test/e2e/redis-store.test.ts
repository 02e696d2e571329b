import { afterAll, beforeAll } from 'vitest';
import { RedisLimits } from '../../src/state/limits/redis-limits.ts';
import { limitStoreContract } from '../../src/state/limits/testing.ts';
import { RedisClient } from '../../src/state/redis/client.ts';
import { RedisProcess } from './support/redis.ts';
import { until } from './support/wait.ts';

/** What every store of limits does, by a real server. */
let redis: RedisProcess;
let client: RedisClient;

beforeAll(async () => {
  redis = await RedisProcess.server();
  const topology = { kind: 'single' as const, address: { host: '127.0.0.1', port: redis.port } };
  const login = { username: null, password: null, tls: false, database: 0 };
  client = new RedisClient({ name: 'test', topology, ...login, timeoutMs: 10_000 }, () => undefined);
  const ping = () => client.ask((connection) => connection.ping()).catch(() => '');
  await until(async () => (await ping()) === 'PONG', 'redis answers');
});
afterAll(async () => {
  client.close();
  await redis.stop();
});

limitStoreContract('Redis', () => new RedisLimits(client, 'contract'));
