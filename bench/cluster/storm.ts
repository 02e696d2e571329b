import { setTimeout as sleep } from 'node:timers/promises';
import { blow } from '../../test/e2e/support/storm/blow.ts';
import { percentile } from '../lib/stats.ts';
import { Gateway, statusesWritten } from './gateway.ts';
import type { Bench } from './inside.ts';
import { NAMESPACE } from './objects.ts';
import { type Figure, time } from './report.ts';

const RATE = 500;
/** What is reached on average is below what is asked for, since nobody runs ahead. */
const RATE_MET = 490;
const SECONDS = 20;
const SLICES = 200;
const FIRST_SERVICE = 100;
const STALE_MS = 1_000;

/** 500 updates of EndpointSlices a second, of Services that routes use, with traffic to them. */
export async function measureStorm({ objects, progress }: Bench): Promise<readonly Figure[]> {
  const gateway = await Gateway.start(NAMESPACE, 1);
  try {
    progress('statuses are being written');
    await statusesWritten(gateway);
    progress(`${RATE} updates a second`);
    const cpuBefore = gateway.cpuMs;
    const delays = new LoopDelays(gateway);
    const storm = await blow({
      ...{ updatesPerSecond: RATE, seconds: SECONDS },
      services: Array.from({ length: SLICES }, (_, index) => FIRST_SERVICE + index),
      write: (service, addresses) => objects.replaceSlice(service, addresses),
      ask: (service) => gateway.ask(`r${service}`),
    });
    const cpuMs = (gateway.cpuMs - cpuBefore) / storm.updates;
    const delay = await delays.stop();
    const rate = storm.updates / storm.seconds;
    const failed = Object.values(storm.failures).reduce((sum, one) => sum + one, 0);
    const stale = Math.max(0, ...storm.staleMs);
    return [
      {
        what: `EndpointSlice updates a second for ${SECONDS} s, five of twenty endpoints each, with traffic to all of them`,
        target: `${RATE}; no failed request, none to an endpoint that is gone for ${time(STALE_MS)}`,
        seen: [
          `${rate.toFixed(0)}; ${failed} of ${storm.requests} failed; ${storm.staleMs.length} went to an endpoint that was gone, at most ${time(stale)} before`,
          `request p99 ${time(percentile(storm.requestMs, 0.99))}; event-loop delay p99: control thread ${time(delay.controlMs)}, data-plane thread ${time(delay.threadMs)}; CPU ${time(cpuMs)} an update, requests included`,
        ].join('; '),
        met: failed === 0 && stale < STALE_MS && rate >= RATE_MET,
      },
    ];
  } finally {
    await gateway.stop();
  }
}

/** The worst that the metrics say until {@link stop}. */
class LoopDelays {
  readonly #gateway: Gateway;
  readonly #running: Promise<void>;
  #stopped = false;
  #controlMs = 0;
  #threadMs = 0;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#running = this.#run();
  }

  async stop(): Promise<{ readonly controlMs: number; readonly threadMs: number }> {
    this.#stopped = true;
    await this.#running;
    return { controlMs: this.#controlMs, threadMs: this.#threadMs };
  }

  async #run(): Promise<void> {
    // The first counts from the start of the program.
    await this.#gateway.metric('nodejs_eventloop_lag_p99_seconds');
    while (!this.#stopped) {
      await sleep(5_000);
      const controlMs = 1000 * (await this.#gateway.metric('nodejs_eventloop_lag_p99_seconds'));
      this.#controlMs = Math.max(this.#controlMs, controlMs);
      const threadMs = await this.#gateway.metric('gateway_thread_event_loop_delay_p99_ms');
      this.#threadMs = Math.max(this.#threadMs, threadMs);
    }
  }
}
