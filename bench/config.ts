import { renameSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUs } from './lib/proc.ts';
import { percentile, type Spread, spread } from './lib/stats.ts';
import { WorkFolder } from './lib/work-folder.ts';
import { plainSettings, spawnPortreeve } from './peers/portreeve.ts';

const FILES = 100;
const ROUTES_PER_FILE = 100;

export interface ConfigResult {
  readonly routes: number;
  readonly files: number;
  /** From starting the process to the first answer by the last route. */
  readonly startMs: Spread;
  /** CPU time of the process until then: what a busy machine does not change. */
  readonly startCpuMs: Spread;
  /** From writing one file to the first answer that shows it. */
  readonly changeMs: Spread & { readonly p95: number };
  readonly changes: number;
}

export interface ConfigOptions {
  readonly starts: number;
  readonly changes: number;
  progress(text: string): void;
}

/** Many routes: how long a start takes, and how long one change. */
export async function benchConfig(options: ConfigOptions): Promise<ConfigResult> {
  const folder = new WorkFolder();
  for (let file = 0; file < FILES; file++) folder.write(`gateway.d/${file}.yaml`, fileText(file, 'first'));
  const directory = `${folder.path}/gateway.d`;
  const settings = plainSettings(folder);
  const startsMs: number[] = [];
  const startsCpuMs: number[] = [];
  let changesMs: number[] = [];
  try {
    for (let i = 1; i <= options.starts; i++) {
      options.progress(`configuration: start ${i} of ${options.starts}`);
      const beganMs = performance.now();
      const { program, port } = await spawnPortreeve({ core: null, directory, settings });
      try {
        await answered(port, FILES - 1, 'first', () => program.exited);
        startsMs.push(performance.now() - beganMs);
        startsCpuMs.push(cpuUs(program.pid) / 1000);
        if (i === options.starts) changesMs = await change(folder, port, options);
      } catch (error) {
        throw new Error(`${String(error)}\n${program.output}`);
      } finally {
        await program.stop();
      }
    }
    return {
      routes: FILES * ROUTES_PER_FILE,
      files: FILES,
      startMs: spread(startsMs),
      startCpuMs: spread(startsCpuMs),
      changeMs: { ...spread(changesMs), p95: percentile(changesMs, 0.95) },
      changes: changesMs.length,
    };
  } finally {
    folder.delete();
  }
}

async function change(folder: WorkFolder, port: number, options: ConfigOptions): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < options.changes; i++) {
    options.progress(`configuration: change ${i + 1} of ${options.changes}`);
    const file = (i * 37) % FILES;
    const text = `change-${i}`;
    // In one step, as editors and deployment tools do; the new text is on disk before the clock starts.
    const fresh = folder.write(`fresh-${file}`, fileText(file, text));
    const beganMs = performance.now();
    renameSync(fresh, `${folder.path}/gateway.d/${file}.yaml`);
    await answered(port, file, text, () => false);
    samples.push(performance.now() - beganMs);
    // A person's pace: what the change before left behind is no part of this one.
    await sleep(100);
  }
  return samples;
}

function fileText(file: number, body: string): string {
  return Array.from({ length: ROUTES_PER_FILE }, (_, i) => routeText(`r${file}-${i}`, body)).join('---\n');
}

function routeText(name: string, body: string): string {
  return `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${name}.test]
  rules:
  - matches: [{ path: { prefix: /${name} } }]
    respond: { status: 200, body: ${body} }
  - matches: [{ path: { prefix: /api/${name} }, methods: [GET, HEAD] }]
    backends: [{ addresses: ["127.0.0.1:9001"] }]
`;
}

/** Asks until the file's last route answers with that text. */
async function answered(port: number, file: number, text: string, over: () => boolean): Promise<void> {
  const name = `r${file}-${ROUTES_PER_FILE - 1}`;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const endMs = performance.now() + 60_000;
  try {
    while ((await ask(agent, port, name)) !== text) {
      if (over() || performance.now() > endMs) throw new Error(`${name} never answered ${text}`);
      await sleep(1);
    }
  } finally {
    agent.destroy();
  }
}

function ask(agent: http.Agent, port: number, name: string): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { agent, port, host: '127.0.0.1', path: `/${name}`, headers: { host: `${name}.test` } };
    const request = http.get(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', () => resolve(null));
    });
    request.on('error', () => resolve(null));
  });
}
