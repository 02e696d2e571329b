import { setTimeout as sleep } from 'node:timers/promises';
import { endpointAddress } from '../../test/e2e/support/storm/objects.ts';
import { Gateway, statusesWritten } from './gateway.ts';
import type { Bench } from './inside.ts';
import { many, NAMESPACE, toService } from './objects.ts';
import type { Figure } from './report.ts';

const ROUNDS = 1_000;
/** Until memory has reached what the program needs at work. */
const WARM_UP = 1_000;
/** Metric series of what is gone are forgotten by then. */
const SETTLE_MS = 75_000;
const MB = 1024 * 1024;
/** A kilobyte a round would be more. */
const GROWTH_BYTES = 1 * MB;

/** Routes with Services and slices of their own, made and deleted again. */
export async function measureChurn({ objects, progress }: Bench): Promise<readonly Figure[]> {
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    const rounds = (count: number): Promise<void> =>
      many(count, async (index) => {
        const name = `brief-${index % 100}-${index}`;
        await objects.service(name);
        await objects.slice(name, [endpointAddress(1_500, index % 20)]);
        await objects.route(name, toService(name));
        for (const kind of ['GatewayRoute', 'EndpointSlice', 'Service'] as const)
          await objects.delete(kind, name);
      });
    progress(`${WARM_UP} rounds to warm up`);
    await rounds(WARM_UP);
    await statusesWritten(gateway);
    await sleep(SETTLE_MS);
    const before = await gateway.heapUse();
    progress(`${ROUNDS} rounds`);
    await rounds(ROUNDS);
    await statusesWritten(gateway);
    await sleep(SETTLE_MS);
    const after = await gateway.heapUse();
    const [thread, threadAfter] = [before.threadBytes[0]!, after.threadBytes[0]!];
    return [
      {
        what: `heap after ${ROUNDS} rounds of create and delete`,
        target: `no growth (< ${GROWTH_BYTES / MB} MB)`,
        seen: `control thread ${mb(before.controlBytes)} → ${mb(after.controlBytes)} MB, data-plane thread ${mb(thread)} → ${mb(threadAfter)} MB`,
        met: Math.max(after.controlBytes - before.controlBytes, threadAfter - thread) < GROWTH_BYTES,
      },
    ];
  } finally {
    await gateway.stop();
  }
}

const mb = (bytes: number): string => (bytes / MB).toFixed(1);
