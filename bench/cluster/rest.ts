import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway, statusesWritten } from './gateway.ts';
import type { Bench } from './inside.ts';
import { NAMESPACE } from './objects.ts';
import { type Figure, time } from './report.ts';

const MINUTE_MS = 60_000;
/** The lease is renewed every two seconds. */
const LEASE_REQUESTS = 30;
/** Watches end after five to ten minutes each, and begin again. */
const WATCHES = 5;

/** Requests to the API server in a minute without a change, once every status is written. */
export async function measureRest({ progress }: Bench): Promise<readonly Figure[]> {
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    progress('statuses are being written');
    const beganMs = performance.now();
    await statusesWritten(gateway);
    const written = await gateway.metric('gateway_status_writes');
    const writtenMs = performance.now() - beganMs;
    progress('a minute at rest');
    await sleep(5_000);
    const before = await gateway.metric('gateway_source_requests');
    const cpuBefore = gateway.cpuMs;
    await sleep(MINUTE_MS);
    const requests = (await gateway.metric('gateway_source_requests')) - before;
    return [
      {
        what: 'requests to the API server in a minute at rest',
        target: `the lease (${LEASE_REQUESTS}) and watches`,
        seen: `${requests}; CPU ${time(gateway.cpuMs - cpuBefore)}; ${written} statuses had been written in ${time(writtenMs)}`,
        met: requests <= LEASE_REQUESTS + WATCHES,
      },
    ];
  } finally {
    await gateway.stop();
  }
}
