import { fileURLToPath } from 'node:url';
import { run } from './program.ts';
import { percentile } from './stats.ts';
import type { WorkFolder } from './work-folder.ts';

const LUA = fileURLToPath(new URL('../wrk/work.lua', import.meta.url));
const CHAIN_LUA = fileURLToPath(new URL('../wrk/chain.lua', import.meta.url));
const STREAM_BYTES = 100_000_000;
const CONNECTIONS = 32;

/** What a load generator saw in one run. Latencies in microseconds. */
export interface LoadReport {
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** One kind of traffic. */
export interface Work {
  readonly name: string;
  readonly title: string;
  load(port: number, seconds: number, core: number | null): Promise<LoadReport>;
}

interface WrkWork {
  readonly path: string;
  readonly bodyBytes?: number;
  readonly headers?: readonly string[];
}

function wrk({ path, bodyBytes = 0, headers = [] }: WrkWork): Work['load'] {
  return async (port, seconds, core) => {
    const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', LUA];
    for (const header of headers) args.push('-H', header);
    const url = `http://127.0.0.1:${port}${path}`;
    return readReport(await run(core, 'wrk', [...args, url], { BENCH_BODY_BYTES: String(bodyBytes) }));
  };
}

/** @param output of wrk with one of the scripts in `bench/wrk` */
function readReport(output: string): LoadReport {
  const json = /^RESULT (.*)$/m.exec(output)?.[1];
  if (json === undefined) throw new Error(`wrk said nothing that can be read:\n${output}`);
  const { durationUs, ...report } = JSON.parse(json) as Omit<LoadReport, 'seconds'> & { durationUs: number };
  return { ...report, seconds: durationUs / 1e6 };
}

/**
 * GETs of 200 bytes by a web page of another origin, each with the token of the next user.
 * @param tokensFile one token a line
 */
export function chainWork(tokensFile: string, origin: string): Work {
  return {
    name: 'chain',
    title: 'the chain of policies',
    load: (port, seconds, core) =>
      tokensLoad(port, seconds, core, { BENCH_TOKENS: tokensFile, BENCH_ORIGIN: origin }),
  };
}

/**
 * GETs of 200 bytes, each with the key of the next Consumer.
 * @param keysFileOf by the gateway's port: one key a line
 * @param distinct so many requests, each with a head of its own, however few keys there are: heads that repeat are read quicker
 */
export function keysWork(keysFileOf: (port: number) => string, distinct: number): Work {
  return {
    name: 'consumers',
    title: 'requests of Consumers',
    load: (port, seconds, core) =>
      tokensLoad(port, seconds, core, {
        BENCH_TOKENS: keysFileOf(port),
        BENCH_ORIGIN: 'https://app.example.com',
        BENCH_DISTINCT: String(distinct),
      }),
  };
}

async function tokensLoad(
  port: number,
  seconds: number,
  core: number | null,
  env: Readonly<Record<string, string>>,
): Promise<LoadReport> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', CHAIN_LUA];
  const url = `http://127.0.0.1:${port}/200.json`;
  return readReport(await run(core, 'wrk', [...args, url], { ...env, BENCH_REPORT: LUA }));
}

/** Whole downloads, one behind the other, until the time is over. */
async function streams(port: number, seconds: number, core: number | null): Promise<LoadReport> {
  const beganMs = performance.now();
  const timesUs: number[] = [];
  let errors = 0;
  do {
    const format = '%{http_code} %{size_download} %{time_total}';
    const url = `http://127.0.0.1:${port}/stream`;
    const [status, bytes, time] = (
      await run(core, 'curl', ['-s', '-o', '/dev/null', '-w', format, url])
    ).split(' ');
    if (status !== '200' || Number(bytes) !== STREAM_BYTES) errors++;
    timesUs.push(Number(time) * 1e6);
  } while (performance.now() - beganMs < seconds * 1000);
  return {
    seconds: (performance.now() - beganMs) / 1000,
    requests: timesUs.length,
    errors,
    p50Us: percentile(timesUs, 0.5),
    p99Us: percentile(timesUs, 0.99),
    p999Us: percentile(timesUs, 0.999),
  };
}

export const WORKS: readonly Work[] = [
  { name: 'get200', title: 'GET, 200 bytes, keep-alive', load: wrk({ path: '/200.json' }) },
  { name: 'get10k', title: 'GET, 10 KB, keep-alive', load: wrk({ path: '/10k.json' }) },
  { name: 'post10k', title: 'POST, 10 KB, keep-alive', load: wrk({ path: '/post', bodyBytes: 10_240 }) },
  {
    name: 'connect',
    title: 'GET, 200 bytes, a connection each',
    load: wrk({ path: '/200.json', headers: ['Connection: close'] }),
  },
  { name: 'stream', title: 'GET, 100 MB', load: streams },
];

/** The files that the backend serves. */
export function writeFiles(folder: WorkFolder): string {
  folder.write('root/200.json', JSON.stringify({ text: 'x'.repeat(200 - 11) }));
  folder.write('root/10k.json', JSON.stringify({ text: 'x'.repeat(10_240 - 11) }));
  folder.write('root/stream', new Uint8Array(STREAM_BYTES));
  return `${folder.path}/root`;
}
