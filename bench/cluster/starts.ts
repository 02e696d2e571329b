import { setTimeout as sleep } from 'node:timers/promises';
import { spread } from '../lib/stats.ts';
import { Gateway } from './gateway.ts';
import type { Bench } from './inside.ts';
import { EMPTY_NAMESPACE, FULL, NAMESPACE } from './objects.ts';
import { type Figure, time } from './report.ts';

const STARTS = 5;
const THREADS = [1, 3] as const;
const READY_MS = 5_000;
const BYTES_PER_ROUTE = 4_096;
/** What a start leaves behind is collected by then. */
const SETTLE_MS = 20_000;

/** How long a cold start takes, and how much memory a route takes on each thread. */
export async function measureStarts({ progress }: Bench): Promise<readonly Figure[]> {
  const readyMs: number[] = [];
  const cpuMs: number[] = [];
  for (let round = 1; round <= STARTS; round++) {
    progress(`cold start ${round} of ${STARTS}`);
    const gateway = await Gateway.start(NAMESPACE, 1);
    if (gateway.routes !== FULL.routes) throw new Error(`${gateway.routes} routes are served`);
    readyMs.push(gateway.readyMs);
    cpuMs.push(gateway.readyCpuMs);
    await gateway.stop();
  }
  const [ready, cpu] = [spread(readyMs), spread(cpuMs)];
  const bytes = await bytesPerRoute(progress);
  return [
    {
      what: `cold start to Ready: ${FULL.routes} routes, ${FULL.services * FULL.endpointsPerService} endpoints, median of ${STARTS}`,
      target: `< ${time(READY_MS)}`,
      seen: `${time(ready.median)} (${time(ready.min)}–${time(ready.max)}); CPU ${time(cpu.median)}`,
      met: ready.median < READY_MS,
    },
    {
      what: 'memory of a route on a thread: resident, garbage included',
      target: `< ${BYTES_PER_ROUTE} bytes`,
      seen: `${bytes.toFixed(0)} bytes`,
      met: bytes < BYTES_PER_ROUTE,
    },
  ];
}

/** What threads add, with routes and without: the difference is the routes' share on one thread. */
async function bytesPerRoute(progress: Bench['progress']): Promise<number> {
  const perThread = async (namespace: string): Promise<number> => {
    const [few, more] = [await resident(namespace, THREADS[0]), await resident(namespace, THREADS[1])];
    return (more - few) / (THREADS[1] - THREADS[0]);
  };
  progress('memory of a thread with routes');
  const full = await perThread(NAMESPACE);
  progress('memory of a thread without');
  return (full - (await perThread(EMPTY_NAMESPACE))) / FULL.routes;
}

async function resident(namespace: string, threads: number): Promise<number> {
  const gateway = await Gateway.start(namespace, threads);
  await sleep(SETTLE_MS);
  const bytes = gateway.residentBytes;
  await gateway.stop();
  return bytes;
}
