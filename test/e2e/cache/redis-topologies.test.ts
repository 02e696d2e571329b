import { afterEach, describe, expect, it } from 'vitest';
import { FaultLink, type LinkFault } from '../support/fault-link.ts';
import { whileRepeating } from '../support/lanes.ts';
import { RedisProcess } from '../support/redis.ts';
import { masterPort, RedisFleet } from '../support/redis-fleet.ts';
import { sleep, until } from '../support/wait.ts';
import { Cached, FRESH } from './cached.ts';

/** Kept answers in a Redis that moves, hangs or forgets: every request is answered, by the backend if need be. */

const fleet = new RedisFleet();
let gateways: Cached[] = [];

afterEach(async () => {
  for (const server of fleet.servers) server.goOn();
  await Promise.all(gateways.map((one) => one.stop()));
  await fleet.stop();
  gateways = [];
});

const POLICIES = { shop: [{ cache: { store: { redis: { ref: 'main' } } } }] };

/** Two replicas, each with a backend of its own: what one has kept, the other serves. */
async function start(redis: object): Promise<readonly [Cached, Cached]> {
  const settings = { redis: [{ name: 'main', timeout: '500ms', ...redis }] };
  const begin = () => Cached.start(POLICIES, { settings, threads: 1 });
  gateways = await Promise.all([begin(), begin()]);
  for (const [i, one] of gateways.entries()) {
    one.says((request) => ({ lines: [FRESH, 'Cache-Tag: all'], body: `${request.target} of ${i}` }));
  }
  await untilKept();
  return gateways as [Cached, Cached];
}

let fresh = 0;
/** Keys that nobody asked for lie on any node. */
const freshPaths = () => Array.from({ length: 12 }, () => `/fresh-${fresh++}`);

const isHit = async (one: Cached, path: string) =>
  /hit/.test((await one.get(path)).header('cache-status') ?? '');

/** Everything that one replica keeps now is served by the other, wherever in Redis it lies. */
async function untilKept(deadlineMs = 30_000): Promise<void> {
  const [one, other] = gateways as [Cached, Cached];
  for (const path of freshPaths()) {
    await until(() => isHit(one, path), `${path} is kept`, deadlineMs);
    await until(() => isHit(other, path), `${path} is shared`, deadlineMs);
  }
}

/** Asks both without pause meanwhile, for what is kept and for what is not; returns the statuses that came. */
async function withTraffic(work: () => Promise<void>): Promise<ReadonlySet<number>> {
  const seen = new Set<number>();
  const lanes = gateways.flatMap((one) =>
    ['/warm', 'fresh'].map((path) => async () => {
      const { status, body } = await one.get(path === 'fresh' ? `/lane-${fresh++}` : path);
      seen.add(body.startsWith('/') ? status : 0);
      await sleep(5);
    }),
  );
  await whileRepeating(lanes, work);
  return seen;
}

describe('three Sentinels', () => {
  it.each([['crashes'], ['hangs']])(
    'a master that %s: nobody notices, and the next one keeps answers again',
    async (how) => {
      const sentinels = await fleet.startSentinels();
      const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`);
      await start({ sentinel: { master: 'counts', addresses } });
      const seen = await withTraffic(async () => {
        const before = await masterPort(sentinels[0]!);
        const master = fleet.at(before);
        if (how === 'hangs') master.hang();
        else await master.crash();
        await until(async () => (await masterPort(sentinels[0]!)) !== before, 'another is master', 60_000);
        await untilKept(60_000);
      });
      expect(seen).toEqual(new Set([200]));
    },
    180_000,
  );
});

describe('a Cluster', () => {
  const addresses = (nodes: readonly RedisProcess[]) =>
    nodes.slice(0, 2).map(({ port }) => `127.0.0.1:${port}`);

  it.each([['crashes'], ['hangs']])(
    'a master that %s: nobody notices, and its replica keeps answers again',
    async (how) => {
      const nodes = await fleet.startCluster(3);
      await start({ cluster: addresses(nodes) });
      const seen = await withTraffic(async () => {
        const master = (await fleet.ownerOf(nodes, '0'))!;
        if (how === 'hangs') master.hang();
        else await master.crash();
        const alive = nodes.filter((node) => node !== master);
        await until(
          async () => ![master, undefined].includes(await fleet.ownerOf(alive, '0')),
          'a replica takes over',
          60_000,
        );
        await untilKept(60_000);
      });
      expect(seen).toEqual(new Set([200]));
    },
    180_000,
  );

  it('a master that hangs and has no replica is done without, until it is well', async () => {
    const nodes = await fleet.startCluster(0);
    const [one] = await start({ cluster: addresses(nodes) });
    const master = (await fleet.ownerOf(nodes, '0'))!;
    master.hang();
    // No time-out but our own ends what was asked of it.
    for (const path of freshPaths()) {
      expect([path, await one.get(path)]).toMatchObject([path, { status: 200, body: `${path} of 0` }]);
    }
    master.goOn();
    await untilKept(60_000);
  }, 120_000);

  it('purges reach every node: by tag, by URL, and all', async () => {
    const nodes = await fleet.startCluster(0);
    const [one, other] = await start({ cluster: addresses(nodes) });
    const kept = (path: string) => isHit(other, path);
    const purge = async (query: string) => {
      const page = `http://127.0.0.1:${other.gateway.adminPort}/cache?${query}`;
      expect((await fetch(page, { method: 'DELETE' })).status).toBe(200);
    };
    const fill = async () => {
      const paths = freshPaths();
      for (const path of paths) await until(() => isHit(one, path), `${path} is kept`);
      return paths;
    };
    const byUrl = await fill();
    for (const path of byUrl) expect([path, await kept(path)]).toEqual([path, true]);
    await purge(`url=http://shop.test${byUrl[0]}`);
    expect([await kept(byUrl[0]!), await kept(byUrl[1]!)]).toEqual([false, true]);
    await purge('tag=all');
    for (const path of byUrl) expect([path, await kept(path)]).toEqual([path, false]);
    one.says((request) => ({ lines: [FRESH], body: `${request.target} of 0` }));
    const untagged = await fill();
    for (const path of untagged) expect([path, await kept(path)]).toEqual([path, true]);
    await purge('all');
    for (const path of untagged) expect([path, await kept(path)]).toEqual([path, false]);
  }, 120_000);
});

describe('a single Redis', () => {
  it.each<[string, LinkFault]>([
    ['hangs', { kind: 'hang' }],
    ['answers later than it may', { kind: 'delay', ms: 5_000 }],
    ['says what nobody understands', { kind: 'garbage', bytes: 'HTTP/1.1 400 Bad Request\r\n\r\n' }],
    ['resets every connection', { kind: 'reset' }],
  ])(
    'that %s is done without, until it is well',
    async (_, fault) => {
      const [redis] = await fleet.up(RedisProcess.server());
      const link = await FaultLink.to(redis!.port);
      try {
        const [one] = await start({ address: `127.0.0.1:${link.port}` });
        await one.get('/kept');
        link.fault = fault;
        // While it is so: what is kept can't be had, and nobody waits for it.
        for (let i = 0; i < 6; i++) {
          const path = i % 2 === 0 ? '/kept' : `/spoilt-${i}`;
          expect([path, await one.get(path)]).toMatchObject([path, { status: 200, body: `${path} of 0` }]);
        }
        link.fault = { kind: 'none' };
        link.resetAll();
        await untilKept(60_000);
      } finally {
        await link.stop();
      }
    },
    120_000,
  );

  it('that begins anew, with nothing of what it kept, keeps again', async () => {
    const [redis] = await fleet.up(RedisProcess.server());
    const [one] = await start({ address: `127.0.0.1:${redis!.port}` });
    await one.get('/kept');
    const seen = await withTraffic(async () => {
      await redis!.crash();
      for (let i = 0; i < 4; i++) expect((await one.get('/kept')).status).toBe(200);
      await redis!.start();
      await untilKept(60_000);
    });
    expect(seen).toEqual(new Set([200]));
  }, 120_000);
});
