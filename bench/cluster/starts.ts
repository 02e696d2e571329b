import { ENDPOINTS } from '../../test/e2e/support/storm/objects.ts';
import { spread } from '../lib/stats.ts';
import { Gateway } from './gateway.ts';
import type { Bench } from './inside.ts';
import { EMPTY_NAMESPACE, FULL, NAMESPACE } from './objects.ts';
import { type Figure, time } from './report.ts';

const STARTS = 5;
const READY_MS = 5_000;
const BYTES_PER_ROUTE = 4_096;

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
      what: `cold start to Ready: ${FULL.routes} routes, ${FULL.services * ENDPOINTS} endpoints, median of ${STARTS}`,
      target: `< ${time(READY_MS)}`,
      seen: `${time(ready.median)} (${time(ready.min)}–${time(ready.max)}); CPU ${time(cpu.median)}`,
      met: ready.median < READY_MS,
    },
    {
      what: 'heap of a thread for a route, its service and endpoints',
      target: `< ${BYTES_PER_ROUTE} bytes`,
      seen: `${bytes.toFixed(0)} bytes`,
      met: bytes < BYTES_PER_ROUTE,
    },
  ];
}

/** The heap of a thread with routes and without, garbage collected: the difference is theirs. */
async function bytesPerRoute(progress: Bench['progress']): Promise<number> {
  progress('memory of a thread');
  return ((await threadBytes(NAMESPACE)) - (await threadBytes(EMPTY_NAMESPACE))) / FULL.routes;
}

async function threadBytes(namespace: string): Promise<number> {
  const gateway = await Gateway.start(namespace, 1);
  const { threadBytes: bytes } = await gateway.heapUse();
  await gateway.stop();
  return bytes[0]!;
}
