import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from './gateway.ts';
import type { Bench } from './inside.ts';
import { backendAddress, many, NAMESPACE, toService } from './objects.ts';
import type { Figure } from './report.ts';

const ROUNDS = 1_000;
/** Until memory has reached what the program needs at work. */
const WARM_UP = 500;
const SETTLE_MS = 10_000;
const MB = 1024 * 1024;
/** A leak of one object a round would be more; allocators are no more exact. */
const GROWTH_BYTES = 8 * MB;

/** Routes with Services and slices of their own, made and deleted again. */
export async function measureChurn({ objects, progress }: Bench): Promise<readonly Figure[]> {
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    const rounds = (count: number): Promise<void> =>
      many(count, async (index) => {
        const name = `brief-${index % 100}-${index}`;
        await objects.service(name);
        await objects.slice(name, [backendAddress(1_500, index % 20)]);
        await objects.route(name, toService(name));
        for (const kind of ['GatewayRoute', 'EndpointSlice', 'Service'] as const)
          await objects.delete(kind, name);
      });
    progress(`${WARM_UP} rounds to warm up`);
    await rounds(WARM_UP);
    const before = await lowest(gateway);
    progress(`${ROUNDS} rounds`);
    await rounds(ROUNDS);
    const after = await lowest(gateway);
    const growth = after - before;
    return [
      {
        what: `memory after ${ROUNDS} rounds of create and delete`,
        target: `no growth (< ${GROWTH_BYTES / MB} MB)`,
        seen: `${(before / MB).toFixed(0)} → ${(after / MB).toFixed(0)} MB resident`,
        met: growth < GROWTH_BYTES,
      },
    ];
  } finally {
    await gateway.stop();
  }
}

/** The lowest of some looks: garbage comes and goes. */
async function lowest(gateway: Gateway): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 10; look++) {
    await sleep(SETTLE_MS / 10);
    least = Math.min(least, gateway.residentBytes);
  }
  return least;
}
