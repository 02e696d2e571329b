import { setTimeout as sleep } from 'node:timers/promises';
import { endpointAddress } from '../../test/e2e/support/storm/objects.ts';
import { percentile } from '../lib/stats.ts';
import { Gateway, statusesWritten } from './gateway.ts';
import type { Bench } from './inside.ts';
import { NAMESPACE, toService } from './objects.ts';
import { type Figure, time } from './report.ts';

const ENDPOINT_CHANGES = 300;
const ROUTE_CHANGES = 100;
const ENDPOINT_MS = 50;
const ROUTE_MS = 100;
const LIMIT_MS = 10_000;
/** A person's pace: what the change before left behind is no part of this one. */
const PAUSE_MS = 30;

/** From the API server's answer to the first request that meets a change, with all the other objects there. */
export async function measureChanges({ objects, progress }: Bench): Promise<readonly Figure[]> {
  await objects.service('moving');
  await objects.slice('moving', [endpointAddress(2_000, 0)]);
  await objects.route('moving', toService('moving'));
  await objects.route('changing', { respond: { body: 'start' } });
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    await statusesWritten(gateway);
    progress(`${ENDPOINT_CHANGES} changes of an endpoint`);
    const endpointMs = await sample(ENDPOINT_CHANGES, async (round) => {
      const address = endpointAddress(2_000, (round % 20) + 1);
      await objects.slice('moving', [address]);
      return () => gateway.ask('moving').then(({ body }) => body === address);
    });
    progress(`${ROUTE_CHANGES} changes of a route`);
    const cpuBefore = gateway.cpuMs;
    const routeMs = await sample(ROUTE_CHANGES, async (round) => {
      const body = `change ${round}`;
      await objects.route('changing', { respond: { body } });
      return () => gateway.ask('changing').then((reply) => reply.body === body);
    });
    const cpuMs = (gateway.cpuMs - cpuBefore) / ROUTE_CHANGES;
    const [endpoint, route] = [percentile(endpointMs, 0.99), percentile(routeMs, 0.99)];
    return [
      {
        what: `endpoint changed → first request on the new one, p99 of ${ENDPOINT_CHANGES}`,
        target: `< ${time(ENDPOINT_MS)}`,
        seen: `${time(endpoint)} (median ${time(percentile(endpointMs, 0.5))})`,
        met: endpoint < ENDPOINT_MS,
      },
      {
        what: `route changed → live, p99 of ${ROUTE_CHANGES}`,
        target: `< ${time(ROUTE_MS)}`,
        seen: `${time(route)} (median ${time(percentile(routeMs, 0.5))}; CPU ${time(cpuMs)} a change, requests included)`,
        met: route < ROUTE_MS,
      },
    ];
  } finally {
    await gateway.stop();
  }
}

/** `change` resolves with the API server's answer; what it gives says whether the change is met. */
async function sample(
  rounds: number,
  change: (round: number) => Promise<() => Promise<boolean>>,
): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const met = await change(round);
    const beganMs = performance.now();
    while (!(await met())) {
      if (performance.now() - beganMs > LIMIT_MS) throw new Error('a change was never met');
    }
    samples.push(performance.now() - beganMs);
    await sleep(PAUSE_MS);
  }
  return samples;
}
