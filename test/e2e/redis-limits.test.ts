import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { burst, count } from './support/burst.ts';
import { counted, LIMIT, startCounting, statusesBy, untilCounting } from './support/counted.ts';
import { FaultLink, type LinkFault } from './support/fault-link.ts';
import type { Gateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get } from './support/raw-client.ts';
import { RedisProcess } from './support/redis.ts';
import { sleep, until } from './support/wait.ts';

/** Rate limits over several gateways, in one real Redis. */
let redis: RedisProcess;
let link: FaultLink;
let gateways: Gateway[] = [];

beforeEach(async () => {
  redis = await RedisProcess.server();
  link = await FaultLink.to(redis.port);
});
afterEach(async () => {
  redis.goOn();
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  gateways = [];
  await link.stop();
  await redis.stop();
});

const address = (port: number) => ({ address: `127.0.0.1:${port}` });

async function start(count: number, settings: object, rules?: Parameters<typeof startCounting>[1]) {
  gateways = await Promise.all(Array.from({ length: count }, () => startCounting(settings, rules)));
  return gateways;
}

describe('two gateways of two threads', () => {
  it('admit N together, by one script and one round trip a request', async () => {
    // Time enough: what is counted here is exactness, not how fast a busy machine is.
    const all = await start(2, { ...address(redis.port), timeout: '5s' }, [
      counted('/exact', 500, 'closed'),
      counted('/warm', 1_000_000_000, 'closed'),
    ]);
    await Promise.all(all.map((gateway) => untilCounting(gateway)));
    await redis.cli('config', 'resetstat');
    const statuses = (await Promise.all(all.map(({ port }) => burst(port, '/exact', 20, 30)))).flat();
    expect([count(statuses, 200), count(statuses, 429)]).toEqual([500, 700]);
    expect([await redis.calls('evalsha'), await redis.calls('eval')]).toEqual([1200, 0]);
    for (const command of ['multi', 'watch', 'script']) expect(await redis.calls(command)).toBe(0);
  });

  it('keep no secret and no endless key in Redis', async () => {
    const [gateway] = await start(1, address(redis.port));
    await untilCounting(gateway!);
    await get(gateway!.port, '/closed');
    const keys = (await redis.cli('--scan')).split('\n');
    for (const name of keys) {
      expect(name).toMatch(/^portreeve:\{GatewayRoute\/default\/counted [^}]+\}:[0-9a-f]{32}$/);
      expect(Number(await redis.cli('pttl', name))).toBeGreaterThan(0);
    }
  });

  it('a client that waits as long as it is told gets in', async () => {
    const all = await start(2, { ...address(redis.port), timeout: '5s' }, [
      counted('/wait', 3, 'closed', '1/s'),
      counted('/warm', 1_000_000_000, 'closed'),
    ]);
    await Promise.all(all.map((gateway) => untilCounting(gateway)));
    for (let round = 0; round < 3; round++) {
      let refused = await get(all[round % 2]!.port, '/wait');
      while (refused.status === 200) refused = await get(all[round % 2]!.port, '/wait');
      expect(headerOf(refused, 'x-ratelimit-limit-type')).toBe('shared');
      await sleep(Number(headerOf(refused, 'retry-after')) * 1000);
      expect((await get(all[(round + 1) % 2]!.port, '/wait')).status).toBe(200);
    }
  });

  it('a server that has forgotten the script is told it again', async () => {
    const [gateway] = await start(1, { ...address(redis.port), timeout: '5s' });
    await untilCounting(gateway!);
    await redis.cli('script', 'flush');
    const statuses = await burst(gateway!.port, '/closed', 4, 10);
    expect([count(statuses, 200), count(statuses, 429)]).toEqual([LIMIT, 40 - LIMIT]);
  });
});

/** Of 60 requests each: nothing is counted any more, so `open` admits all, `local` as many as it counts here. */
const WITHOUT_STORE = { open: '60x200', closed: '60x503', local: `${LIMIT}x200 ${60 - LIMIT}x429` };

/** What was asked while it failed may have been counted all the same: it refuses, but it answers. */
async function recovers(gateway: Gateway): Promise<void> {
  await untilCounting(gateway);
  await until(async () => [200, 429].includes((await get(gateway.port, '/closed')).status), 'it counts');
}

describe('every request is answered when Redis', () => {
  it.each<[string, LinkFault]>([
    ['is too slow', { kind: 'delay', ms: 400 }],
    ['hangs', { kind: 'hang' }],
    ['resets connections', { kind: 'reset' }],
    ['answers what is no Redis protocol', { kind: 'garbage', bytes: 'HTTP/1.1 400 Bad Request\r\n\r\n' }],
    ['answers something else', { kind: 'garbage', bytes: '+OK\r\n' }],
    ['answers a bulk of a gigabyte', { kind: 'garbage', bytes: '$1073741824\r\n' }],
    ['answers an error', { kind: 'garbage', bytes: '-OOM command not allowed\r\n' }],
  ])('%s', async (_, fault) => {
    const [gateway] = await start(1, { ...address(link.port), timeout: '100ms' });
    await untilCounting(gateway!);
    link.fault = fault;
    expect(await statusesBy(gateway!)).toEqual(WITHOUT_STORE);
    link.fault = { kind: 'none' };
    // What was under way when it hung is lost with its connection.
    if (fault.kind === 'hang') link.resetAll();
    await recovers(gateway!);
  });

  it('drops dead in the middle of a connection, which then is made anew', async () => {
    const [gateway] = await start(1, { ...address(link.port), timeout: '100ms' });
    await untilCounting(gateway!);
    const before = link.accepted;
    link.fault = { kind: 'hang' };
    await until(async () => {
      await get(gateway!.port, '/open');
      return link.accepted > before;
    }, 'a new connection is tried');
    link.fault = { kind: 'none' };
    await recovers(gateway!);
  });

  it('was stopped by its host, and goes on', async () => {
    const [gateway] = await start(1, { ...address(redis.port), timeout: '100ms' });
    await untilCounting(gateway!);
    redis.hang();
    expect(await statusesBy(gateway!)).toEqual(WITHOUT_STORE);
    redis.goOn();
    await untilCounting(gateway!);
  });

  it('crashed, and comes back without its memory', async () => {
    const [gateway] = await start(1, address(redis.port));
    await untilCounting(gateway!);
    await redis.crash();
    expect(await statusesBy(gateway!)).toEqual(WITHOUT_STORE);
    await redis.start();
    await recovers(gateway!);
    const statuses = await burst(gateway!.port, '/closed', 2, LIMIT);
    expect(count(statuses, 429)).toBeGreaterThanOrEqual(LIMIT);
  });

  it('was not there when the gateway started', async () => {
    await redis.crash();
    const [gateway] = await start(1, address(redis.port));
    expect(await statusesBy(gateway!)).toEqual(WITHOUT_STORE);
    await redis.start();
    await recovers(gateway!);
  });

  it('takes another password, which is told without the password', async () => {
    await redis.cli('config', 'set', 'requirepass', 'right');
    process.env.TEST_REDIS_PASSWORD = 'wrong-and-secret';
    const [gateway] = await start(1, {
      ...address(redis.port),
      passwordFrom: { env: 'TEST_REDIS_PASSWORD' },
    }).finally(() => delete process.env.TEST_REDIS_PASSWORD);
    expect(await statusesBy(gateway!)).toEqual(WITHOUT_STORE);
    await until(() => gateway!.program.output.includes('WRONGPASS'), 'the log says why');
    expect(gateway!.program.output).not.toContain('wrong-and-secret');
    await redis.cli('-a', 'right', '--no-auth-warning', 'config', 'set', 'requirepass', 'wrong-and-secret');
    await recovers(gateway!);
  });
});
