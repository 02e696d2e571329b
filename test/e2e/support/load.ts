import { headerOf } from './http-text.ts';
import { type ConnectOptions, head, RawClient } from './raw-client.ts';

export interface LoadResult {
  /** Complete answers with status 200. */
  readonly answered: number;
  /** What went wrong, for people. */
  readonly failures: readonly string[];
}

export interface Load {
  readonly answered: () => number;
  stop(): Promise<LoadResult>;
}

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  readonly target?: string;
  /** Requests of one connection; 1: a new connection for each. */
  readonly requestsPerConnection?: number;
  readonly tls?: ConnectOptions['tls'];
  /** Sees each connection that was opened. */
  readonly onConnected?: (connection: RawClient) => void;
  /** False: no new connection is opened, as behind a load balancer that has taken the gateway out. */
  readonly mayConnect?: () => boolean;
  /** The listeners may be closing: a fresh connection that is never accepted ends its client and is no failure. */
  readonly mayBeTurnedAway?: () => boolean;
}

/**
 * Keep-alive clients that send one request after another until stopped, as a good HTTP client does: they open a
 * new connection when told `Connection: close`. A request that was sent on an accepted connection and not answered
 * is a failure, whatever else happens.
 */
export function startLoad(options: LoadOptions): Load {
  const { port, clients, target = '/load', mayConnect = () => true, mayBeTurnedAway = () => false } = options;
  const { requestsPerConnection = 200, tls } = options;
  let running = true;
  let answered = 0;
  const failures: string[] = [];

  async function ask(connection: RawClient, count: number): Promise<'next' | 'reconnect'> {
    connection.write(head(`GET ${target}`));
    const answer = (await connection.answers(count)).at(-1)!;
    if (answer.status !== 200 || !answer.complete) throw new Error(`${answer.status} ${answer.body}`);
    answered++;
    return headerOf(answer, 'connection') === 'close' ? 'reconnect' : 'next';
  }

  async function client(): Promise<void> {
    while (running && mayConnect()) {
      let connection: RawClient | null = null;
      try {
        connection = await RawClient.connect(port, tls === undefined ? {} : { tls });
        options.onConnected?.(connection);
        for (let i = 1; i <= requestsPerConnection && running; i++)
          if ((await ask(connection, i)) === 'reconnect') break;
      } catch (error) {
        const turnedAway = (connection === null || connection.text === '') && mayBeTurnedAway();
        if (!turnedAway) failures.push(String(error));
        if (turnedAway || connection === null) return;
      } finally {
        connection?.destroy();
      }
    }
  }

  const all = Array.from({ length: clients }, client);
  return {
    answered: () => answered,
    async stop() {
      running = false;
      await Promise.all(all);
      return { answered, failures };
    },
  };
}
