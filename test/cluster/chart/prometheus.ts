import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { waitUntil } from '../wait.ts';

/** What Prometheus is asked to scrape. */
export interface ScrapeOptions {
  /** Folder for its data. */
  readonly folder: string;
  /** `address:port` of the target. */
  readonly target: string;
  /** Labels of the target, as the operator's service discovery gives them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly honorLabels: boolean;
}

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A real Prometheus on a loopback port. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly #api: string;

  private constructor(child: ChildProcess, api: string) {
    this.#process = child;
    this.#api = api;
  }

  /** Resolves once it answers. @throws Error when it does not within a minute */
  static async start({ folder, target, labels, honorLabels }: ScrapeOptions): Promise<Prometheus> {
    const config = join(folder, 'prometheus.json');
    const job = {
      job_name: 'gateway',
      honor_labels: honorLabels,
      static_configs: [{ targets: [target], labels }],
    };
    const global = { scrape_interval: '250ms', scrape_timeout: '250ms' };
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ global, scrape_configs: [job] }));
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ];
    const child = spawn('prometheus', args, { stdio: 'ignore' });
    const prometheus = new Prometheus(child, `http://${address}/api/v1`);
    const answers = () => fetch(`http://${address}/-/ready`).then((reply) => reply.ok);
    await waitUntil(answers, { what: 'Prometheus to answer' });
    return prometheus;
  }

  /** @throws Error with what Prometheus says to a query that does not parse */
  async query(expression: string): Promise<readonly Sample[]> {
    const reply = await fetch(`${this.#api}/query?query=${encodeURIComponent(expression)}`);
    const body = (await reply.json()) as { error?: string; data?: { result: readonly Sample[] } };
    if (body.data === undefined) throw new Error(`${expression}\n${body.error}`);
    return body.data.result;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}
