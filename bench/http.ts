import { cpuUs, memoryBytes, resetPeak } from './lib/proc.ts';
import { type Spread, spread } from './lib/stats.ts';
import { WorkFolder } from './lib/work-folder.ts';
import { type Work, writeFiles } from './lib/works.ts';
import { startBackend } from './peers/nginx.ts';
import type { Peer, RunningPeer } from './peers/peer.ts';

/** The proxy has a core for itself; load generator and backend share the other. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** With each kind of traffic, before anything is measured: code that is compiled while it runs takes as long to become fast. */
const WARM_UP_S = 5;

/** One proxy, one kind of traffic, one round. */
export interface Sample {
  readonly requestsPerS: number;
  /** User and system time of all threads and processes of the proxy, per request. */
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly peakBytes: number;
}

export interface HttpResult {
  readonly work: string;
  readonly title: string;
  readonly peer: string;
  readonly samples: readonly Sample[];
  readonly spread: Readonly<Record<keyof Sample, Spread>>;
  /** CPU per request relative to nginx in the same round; null without nginx. */
  readonly ratio: Spread | null;
  /** The same relative to whichever other proxy was the cheapest in that round; null without another. */
  readonly ratioToCheapest: Spread | null;
  readonly errors: number;
}

export interface HttpOptions {
  readonly works: readonly Work[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
  progress(text: string): void;
}

interface Contender {
  readonly peer: Peer;
  readonly running: RunningPeer;
  readonly samples: Map<string, Sample[]>;
  errors: number;
}

/** Rounds are interleaved, so that what the machine does meanwhile falls on all alike. */
export async function benchHttp(options: HttpOptions): Promise<HttpResult[]> {
  const folder = new WorkFolder();
  const backend = await startBackend(folder, LOAD_CORE, writeFiles(folder));
  const contenders: Contender[] = [];
  try {
    for (const peer of options.peers) {
      const running = await peer.start(folder, PROXY_CORE, backend.port);
      contenders.push({ peer, running, samples: new Map(), errors: 0 });
    }
    const { works } = options;
    for (const work of works) {
      for (const { running } of contenders) await work.load(running.port, WARM_UP_S, LOAD_CORE);
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const work of works) {
        for (const contender of contenders) {
          options.progress(`round ${round} of ${options.rounds}: ${work.title}, ${contender.peer.name}`);
          await measure(contender, work, options.seconds);
        }
      }
    }
    return works.flatMap((work) => contenders.map((contender) => result(work, contender, contenders)));
  } finally {
    await Promise.all(
      [backend, ...contenders.map(({ running }) => running)].map(({ program }) => program.stop()),
    );
    folder.delete();
  }
}

async function measure(contender: Contender, work: Work, seconds: number): Promise<void> {
  const { pid } = contender.running.program;
  resetPeak(pid);
  const before = cpuUs(pid);
  const report = await work.load(contender.running.port, seconds, LOAD_CORE);
  const used = cpuUs(pid) - before;
  if (report.requests === 0) throw new Error(`${contender.peer.name} answered nothing to ${work.name}`);
  contender.errors += report.errors;
  const samples = contender.samples.get(work.name) ?? [];
  contender.samples.set(work.name, samples);
  samples.push({
    requestsPerS: report.requests / report.seconds,
    cpuUs: used / report.requests,
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    p999Us: report.p999Us,
    peakBytes: memoryBytes(pid, 'VmHWM'),
  });
}

function result(work: Work, contender: Contender, all: readonly Contender[]): HttpResult {
  const samples = contender.samples.get(work.name) ?? [];
  const base = all.find(({ peer }) => peer.name === 'nginx')?.samples.get(work.name);
  const others = all.filter((one) => one !== contender).map((one) => one.samples.get(work.name) ?? []);
  const cheapest = (round: number) => Math.min(...others.map((other) => other[round]!.cpuUs));
  const of = (key: keyof Sample) => spread(samples.map((sample) => sample[key]));
  return {
    work: work.name,
    title: work.title,
    peer: contender.peer.name,
    samples,
    spread: {
      requestsPerS: of('requestsPerS'),
      cpuUs: of('cpuUs'),
      p50Us: of('p50Us'),
      p99Us: of('p99Us'),
      p999Us: of('p999Us'),
      peakBytes: of('peakBytes'),
    },
    ratio: base === undefined ? null : spread(samples.map((sample, i) => sample.cpuUs / base[i]!.cpuUs)),
    ratioToCheapest:
      others.length === 0 ? null : spread(samples.map((sample, i) => sample.cpuUs / cheapest(i))),
    errors: contender.errors,
  };
}
