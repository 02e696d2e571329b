import { RedisProcess } from './redis.ts';
import { until } from './wait.ts';

const SLOTS = 16_384;

/** Redis servers of a test that belong together: Sentinels with what they watch, or the nodes of a Cluster. */
export class RedisFleet {
  /** All that were started, by {@link up} or otherwise. */
  servers: readonly RedisProcess[] = [];

  async up(...starting: readonly Promise<RedisProcess>[]): Promise<readonly RedisProcess[]> {
    const fresh = await Promise.all(starting);
    this.servers = [...this.servers, ...fresh];
    return fresh;
  }

  at(port: string | undefined): RedisProcess {
    return this.servers.find((server) => String(server.port) === port)!;
  }

  async stop(): Promise<void> {
    for (const server of this.servers) server.goOn();
    await Promise.all(this.servers.map((server) => server.stop()));
    this.servers = [];
  }

  /** Three Sentinels that watch a master, `counts`, and its replica. */
  async startSentinels(): Promise<readonly RedisProcess[]> {
    const [master] = await this.up(RedisProcess.server('--repl-diskless-sync-delay', '0'));
    const replicaOf = ['--replicaof', '127.0.0.1', String(master!.port), '--repl-diskless-sync-delay', '0'];
    const [replica] = await this.up(RedisProcess.server(...replicaOf));
    await until(
      async () => (await replica!.cli('info', 'replication')).includes('master_link_status:up'),
      'the replica follows',
    );
    const config = [
      `sentinel monitor counts 127.0.0.1 ${master!.port} 2`,
      'sentinel down-after-milliseconds counts 1000',
      'sentinel failover-timeout counts 5000',
    ];
    const sentinels = await this.up(...[1, 2, 3].map(() => RedisProcess.sentinel(config)));
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

  /** A Cluster of three masters, with so many replicas. */
  async startCluster(replicas: number): Promise<readonly RedisProcess[]> {
    const nodes = await this.up(...Array.from({ length: 3 + replicas }, () => RedisProcess.clusterNode()));
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
    // One that has never had its master's data is not chosen in its place.
    await until(
      async () => {
        const infos = await Promise.all(nodes.map((node) => node.cli('info', 'replication')));
        return infos.filter((info) => info.includes('master_link_status:up')).length === replicas;
      },
      'the replicas follow',
      30_000,
    );
    return nodes;
  }

  /** The master that has a slot, as the first of these nodes sees it. */
  async ownerOf(nodes: readonly RedisProcess[], slot: string): Promise<RedisProcess | undefined> {
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
    return this.at(/:([0-9]+)@/.exec(line ?? '')?.[1]);
  }
}

/** Port of the master, as a Sentinel sees it. */
export async function masterPort(sentinel: RedisProcess): Promise<string | undefined> {
  return (await sentinel.cli('sentinel', 'get-master-addr-by-name', 'counts')).split('\n')[1];
}

function within(range: string, slot: number): boolean {
  const [from, to = from] = range.split('-').map(Number);
  return from! <= slot && slot <= to!;
}
