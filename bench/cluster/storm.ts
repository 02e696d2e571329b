import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../lib/stats.ts';
import { Gateway } from './gateway.ts';
import type { Bench } from './inside.ts';
import { backendAddress, NAMESPACE } from './objects.ts';
import { type Figure, time } from './report.ts';

const RATE = 500;
const SECONDS = 20;
const SLICES = 200;
const FIRST_SERVICE = 100;

/** 500 updates of EndpointSlices a second, of Services that routes use, with traffic. */
export async function measureStorm({ objects }: Bench): Promise<readonly Figure[]> {
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    const endMs = performance.now() + SECONDS * 1000;
    const latencies: number[] = [];
    const delays: number[] = [];
    let failed = 0;
    const traffic = async (): Promise<void> => {
      while (performance.now() < endMs) {
        const beganMs = performance.now();
        const { status } = await gateway.ask(`r${latencies.length % 50}`);
        latencies.push(performance.now() - beganMs);
        if (status !== 200) failed += 1;
        await sleep(2);
      }
    };
    const watch = async (): Promise<void> => {
      while (performance.now() < endMs) {
        delays.push(await gateway.metric('gateway_thread_event_loop_delay_p99_ms'));
        await sleep(500);
      }
    };
    const cpuBefore = gateway.cpuMs;
    const [updates] = await Promise.all([storm(objects, endMs), traffic(), watch()]);
    const cpuMs = (gateway.cpuMs - cpuBefore) / updates;
    return [
      {
        what: `${RATE} EndpointSlice updates a second for ${SECONDS} s (${(updates / SECONDS).toFixed(0)} reached), with traffic`,
        target: 'no failed request',
        seen: `${failed} of ${latencies.length} failed; event-loop delay of the thread p99 ≤ ${time(Math.max(...delays))}, request p99 ${time(percentile(latencies, 0.99))}, CPU ${time(cpuMs)} an update, requests included`,
        met: failed === 0,
      },
    ];
  } finally {
    await gateway.stop();
  }
}

/** @returns how many updates the API server has taken */
async function storm(objects: Bench['objects'], endMs: number): Promise<number> {
  const beganMs = performance.now();
  let started = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const dueMs = beganMs + (started++ * 1000) / RATE;
      const early = dueMs - performance.now();
      if (early > 0) await sleep(early);
      const service = FIRST_SERVICE + (done % SLICES);
      await objects.slice(`s${service}`, [
        backendAddress(service, done % 20),
        backendAddress(service, (done + 7) % 20),
      ]);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  return done;
}
