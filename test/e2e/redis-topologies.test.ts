import { afterEach, describe, expect, it } from 'vitest';
import { burst, count } from './support/burst.ts';
import { counted, startCounting, untilCounting } from './support/counted.ts';
import type { Gateway } from './support/gateway.ts';
import { whileRepeating } from './support/lanes.ts';
import { get } from './support/raw-client.ts';
import type { RedisProcess } from './support/redis.ts';
import { masterPort, RedisFleet } from './support/redis-fleet.ts';
import { sleep, until } from './support/wait.ts';

/** Rate limits in a Redis that moves: Sentinels that choose another master, a Cluster that hands slots around. */
const fleet = new RedisFleet();
let gateways: Gateway[] = [];

afterEach(async () => {
  for (const server of fleet.servers) server.goOn();
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await fleet.stop();
  gateways = [];
});

const rules = [
  counted('/exact', 300, 'closed'),
  counted('/warm', 1_000_000_000, 'closed'),
  counted('/open', 1_000_000_000, 'open'),
];

async function start(settings: object): Promise<readonly Gateway[]> {
  gateways = await Promise.all([startCounting(settings, rules), startCounting(settings, rules)]);
  await Promise.all(gateways.map((gateway) => untilCounting(gateway)));
  return gateways;
}

/** Asks both gateways without pause meanwhile; every request is answered, by whichever rule. Returns how often what came. */
async function withTraffic(work: () => Promise<void>): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  const lanes = gateways.flatMap(({ port }) =>
    ['/warm', '/open'].map((path) => async () => {
      const { status } = await get(port, path);
      seen.set(`${path} ${status}`, (seen.get(`${path} ${status}`) ?? 0) + 1);
      await sleep(5);
    }),
  );
  await whileRepeating(lanes, work);
  return seen;
}

async function exactly(admitted: number): Promise<void> {
  const statuses = (await Promise.all(gateways.map(({ port }) => burst(port, '/exact', 20, 20)))).flat();
  expect([count(statuses, 200), count(statuses, 429)]).toEqual([admitted, 800 - admitted]);
}

/** Whatever happened, `closed` said 200 or 503, `open` 200 only. */
function expectAnswers(seen: ReadonlyMap<string, number>): void {
  expect([...seen.keys()].filter((one) => !['/warm 200', '/warm 503', '/open 200'].includes(one))).toEqual(
    [],
  );
  expect(seen.get('/open 200')).toBeGreaterThan(0);
}

describe('three Sentinels', () => {
  it.each([['crashes'], ['hangs']])(
    'a master that %s is left for the one that takes its place, with traffic',
    async (how) => {
      const sentinels = await fleet.startSentinels();
      const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`);
      await start({ sentinel: { master: 'counts', addresses }, timeout: '500ms' });
      const seen = await withTraffic(async () => {
        const before = await masterPort(sentinels[0]!);
        const master = fleet.at(before);
        if (how === 'hangs') master.hang();
        else await master.crash();
        await until(async () => (await masterPort(sentinels[0]!)) !== before, 'another is master', 60_000);
        await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
      });
      expectAnswers(seen);
      await exactly(300);
    },
    120_000,
  );

  it('a planned failover: the old master is a replica, and refuses to count', async () => {
    const sentinels = await fleet.startSentinels();
    const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`);
    await start({ sentinel: { master: 'counts', addresses }, timeout: '500ms' });
    const seen = await withTraffic(async () => {
      const before = await masterPort(sentinels[0]!);
      await until(
        async () => (await sentinels[0]!.cli('sentinel', 'failover', 'counts')) === 'OK',
        'the failover begins',
        30_000,
      );
      const old = fleet.at(before);
      await until(
        async () =>
          (await masterPort(sentinels[0]!)) !== before && (await old.cli('role')).startsWith('slave'),
        'another is master, and the old one knows',
        60_000,
      );
      await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
    });
    expectAnswers(seen);
    await exactly(300);
  }, 120_000);
});

describe('a Cluster of three masters', () => {
  const slotOf = (node: RedisProcess, rule: number) =>
    node.cli(
      'cluster',
      'keyslot',
      `portreeve:{GatewayRoute/default/counted spec.rules[${rule}].policies[0].rateLimit}:x`,
    );
  const startOn = (nodes: readonly RedisProcess[]) =>
    start({ cluster: [`127.0.0.1:${nodes[0]!.port}`, `127.0.0.1:${nodes[1]!.port}`], timeout: '500ms' });

  it('a slot that is moved away takes its counts with it, with traffic', async () => {
    const nodes = await fleet.startCluster(0);
    await startOn(nodes);
    await exactly(300);
    const seen = await withTraffic(async () => {
      for (const rule of [0, 1, 2]) await moveSlot(nodes, await slotOf(nodes[0]!, rule));
      await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
    });
    expectAnswers(seen);
    await exactly(0);
  }, 120_000);

  async function moveSlot(nodes: readonly RedisProcess[], slot: string): Promise<void> {
    const from = (await fleet.ownerOf(nodes, slot))!;
    const to = nodes.find((node) => node !== from)!;
    const [fromId, toId] = await Promise.all([from.cli('cluster', 'myid'), to.cli('cluster', 'myid')]);
    await to.cli('cluster', 'setslot', slot, 'importing', fromId);
    await from.cli('cluster', 'setslot', slot, 'migrating', toId);
    // Half moved: the old node answers ASK.
    const keys = (await from.cli('cluster', 'getkeysinslot', slot, '1000')).split('\n').filter(Boolean);
    for (const key of keys) await from.cli('migrate', '127.0.0.1', String(to.port), key, '0', '5000');
    await sleep(100);
    for (const node of [to, from, ...nodes]) await node.cli('cluster', 'setslot', slot, 'node', toId);
  }

  it.each([['crashes'], ['hangs']])(
    'a master that %s is left for its replica, with traffic',
    async (how) => {
      const nodes = await fleet.startCluster(3);
      await startOn(nodes);
      const slot = await slotOf(nodes[0]!, 0);
      const master = (await fleet.ownerOf(nodes, slot))!;
      const seen = await withTraffic(async () => {
        if (how === 'hangs') master.hang();
        else await master.crash();
        const alive = nodes.filter((node) => node !== master);
        await until(
          async () => ![master, undefined].includes(await fleet.ownerOf(alive, slot)),
          'a replica takes over',
          60_000,
        );
        await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
        await until(
          async () => (await burst(gateways[0]!.port, '/exact', 12, 1)).every((status) => status !== 503),
          'the slot is served',
          60_000,
        );
      });
      expectAnswers(seen);
    },
    120_000,
  );
});
