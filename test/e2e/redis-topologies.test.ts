import { afterEach, describe, expect, it } from 'vitest';
import { burst, count } from './support/burst.ts';
import { counted, startCounting, untilCounting } from './support/counted.ts';
import type { Gateway } from './support/gateway.ts';
import { get } from './support/raw-client.ts';
import { RedisProcess } from './support/redis.ts';
import { sleep, until } from './support/wait.ts';

/** Rate limits in a Redis that moves: Sentinels that choose another master, a Cluster that hands slots around. */
let servers: RedisProcess[] = [];
let gateways: Gateway[] = [];

afterEach(async () => {
  for (const server of servers) server.goOn();
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await Promise.all(servers.map((server) => server.stop()));
  gateways = [];
  servers = [];
});

async function up(...starting: readonly Promise<RedisProcess>[]): Promise<readonly RedisProcess[]> {
  const fresh = await Promise.all(starting);
  servers.push(...fresh);
  return fresh;
}

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

/** Asks both gateways without pause until stopped; every request is answered, by whichever rule. */
function traffic(): { stop(): Promise<ReadonlyMap<string, number>> } {
  let going = true;
  const seen = new Map<string, number>();
  const lanes = gateways.flatMap(({ port }) =>
    ['/warm', '/open'].map(async (path) => {
      while (going) {
        const { status } = await get(port, path);
        seen.set(`${path} ${status}`, (seen.get(`${path} ${status}`) ?? 0) + 1);
        await sleep(5);
      }
    }),
  );
  return {
    async stop() {
      going = false;
      await Promise.all(lanes);
      return seen;
    },
  };
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
  async function startSentinels(): Promise<readonly RedisProcess[]> {
    const [master] = await up(RedisProcess.server('--repl-diskless-sync-delay', '0'));
    const replicaOf = ['--replicaof', '127.0.0.1', String(master!.port), '--repl-diskless-sync-delay', '0'];
    const [replica] = await up(RedisProcess.server(...replicaOf));
    await until(
      async () => (await replica!.cli('info', 'replication')).includes('master_link_status:up'),
      'the replica follows',
    );
    const config = [
      `sentinel monitor counts 127.0.0.1 ${master!.port} 2`,
      'sentinel down-after-milliseconds counts 1000',
      'sentinel failover-timeout counts 5000',
    ];
    const sentinels = await up(...[1, 2, 3].map(() => RedisProcess.sentinel(config)));
    for (const sentinel of sentinels) {
      await until(
        async () =>
          /num-other-sentinels\n2\n/.test(`${await sentinel.cli('sentinel', 'master', 'counts')}\n`),
        'the Sentinels know one another and the replica',
        30_000,
      );
    }
    return sentinels;
  }

  const masterPort = async (sentinel: RedisProcess) =>
    (await sentinel.cli('sentinel', 'get-master-addr-by-name', 'counts')).split('\n')[1];

  it.each([['crashes'], ['hangs']])(
    'a master that %s is left for the one that takes its place, with traffic',
    async (how) => {
      const sentinels = await startSentinels();
      const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`);
      await start({ sentinel: { master: 'counts', addresses }, timeout: '500ms' });
      const running = traffic();
      const before = await masterPort(sentinels[0]!);
      const master = servers.find(({ port }) => String(port) === before)!;
      if (how === 'hangs') master.hang();
      else await master.crash();
      await until(async () => (await masterPort(sentinels[0]!)) !== before, 'another is master', 60_000);
      await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
      expectAnswers(await running.stop());
      await exactly(300);
    },
    120_000,
  );

  it('a planned failover: the old master is a replica, and refuses to count', async () => {
    const sentinels = await startSentinels();
    const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`);
    await start({ sentinel: { master: 'counts', addresses }, timeout: '500ms' });
    const running = traffic();
    const before = await masterPort(sentinels[0]!);
    await until(
      async () => (await sentinels[0]!.cli('sentinel', 'failover', 'counts')) === 'OK',
      'the failover begins',
      30_000,
    );
    const old = servers.find(({ port }) => String(port) === before)!;
    await until(
      async () => (await masterPort(sentinels[0]!)) !== before && (await old.cli('role')).startsWith('slave'),
      'another is master, and the old one knows',
      60_000,
    );
    await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
    expectAnswers(await running.stop());
    await exactly(300);
  }, 120_000);
});

describe('a Cluster of three masters', () => {
  const SLOTS = 16_384;

  async function startCluster(replicas: number): Promise<readonly RedisProcess[]> {
    const nodes = await up(...Array.from({ length: 3 + replicas }, () => RedisProcess.clusterNode()));
    await nodes[0]!.cli(
      ...['--cluster', 'create', ...nodes.map(({ port }) => `127.0.0.1:${port}`)],
      ...['--cluster-replicas', String(replicas / 3), '--cluster-yes'],
    );
    await until(async () => {
      const infos = await Promise.all(nodes.map((node) => node.cli('cluster', 'info')));
      return infos.every(
        (info) => info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`),
      );
    }, 'the cluster is whole');
    return nodes;
  }

  /** The node that a bucket of the rule at this index lies on. */
  async function ownerOf(nodes: readonly RedisProcess[], slot: string): Promise<RedisProcess> {
    const shards = await nodes[0]!.cli('cluster', 'nodes');
    const line = shards.split('\n').find(
      (one) =>
        one.includes('master') &&
        !one.includes('fail') &&
        one
          .split(' ')
          .slice(8)
          .some((range) => within(range, Number(slot))),
    );
    const port = /:([0-9]+)@/.exec(line ?? '')?.[1];
    return servers.find((server) => String(server.port) === port)!;
  }
  const within = (range: string, slot: number) => {
    const [from, to = from] = range.split('-').map(Number);
    return from! <= slot && slot <= to!;
  };
  const slotOf = (node: RedisProcess, rule: number) =>
    node.cli(
      'cluster',
      'keyslot',
      `portreeve:{GatewayRoute/default/counted spec.rules[${rule}].policies[0].rateLimit}:x`,
    );
  const startOn = (nodes: readonly RedisProcess[]) =>
    start({ cluster: [`127.0.0.1:${nodes[0]!.port}`, `127.0.0.1:${nodes[1]!.port}`], timeout: '500ms' });

  it('a slot that is moved away takes its counts with it, with traffic', async () => {
    const nodes = await startCluster(0);
    await startOn(nodes);
    await exactly(300);
    const running = traffic();
    for (const rule of [0, 1, 2]) await moveSlot(nodes, await slotOf(nodes[0]!, rule));
    await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
    const seen = await running.stop();
    expectAnswers(seen);
    await exactly(0);
  }, 120_000);

  async function moveSlot(nodes: readonly RedisProcess[], slot: string): Promise<void> {
    const from = await ownerOf(nodes, slot);
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
      const nodes = await startCluster(3);
      await startOn(nodes);
      const slot = await slotOf(nodes[0]!, 0);
      const master = await ownerOf(nodes, slot);
      const running = traffic();
      if (how === 'hangs') master.hang();
      else await master.crash();
      const alive = nodes.filter((node) => node !== master);
      await until(
        async () => ![master, undefined].includes(await ownerOf(alive, slot)),
        'a replica takes over',
        60_000,
      );
      await Promise.all(gateways.map((gateway) => untilCounting(gateway, 60_000)));
      await until(
        async () => (await burst(gateways[0]!.port, '/exact', 12, 1)).every((status) => status !== 503),
        'the slot is served',
        60_000,
      );
      expectAnswers(await running.stop());
    },
    120_000,
  );
});
