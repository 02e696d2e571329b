import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Program } from './support/process.ts';
import type { StormReport } from './support/storm/inside.ts';
import { ENDPOINT_RANGE } from './support/storm/objects.ts';

/**
 * EndpointSlices that change 500 times a second, which a real API server on a small machine can't be made to send (see `npm run
 * bench:cluster -- --only storm` for it): `portreeve controller` beside an API server of the test's own.
 */

const INSIDE = fileURLToPath(new URL('./support/storm/inside.ts', import.meta.url));
/** Far more than is ever seen: a machine that stalls is no fault of the gateway's. What was seen is printed. */
const BOUND_MS = 5_000;
const LIMIT_MS = 400_000;

/** In a network namespace of its own, which ends with it. */
async function storm(...args: readonly string[]): Promise<StormReport> {
  const network = `ip link set lo up && ip route add local ${ENDPOINT_RANGE} dev lo`;
  const program = new Program('unshare', [
    ...['--net', '--kill-child', '--fork', '--pid', 'sh', '-c', `${network} && exec "$0" "$@"`],
    ...[process.execPath, INSIDE, ...args],
  ]);
  try {
    const { code } = await program.exited(LIMIT_MS);
    if (code !== 0) throw new Error(program.output);
    return JSON.parse(program.stdout) as StormReport;
  } finally {
    program.kill('SIGKILL');
  }
}

/** Every request was answered by an endpoint of its Service that was not gone for long, and the gateway ended well. */
function expectUnharmed({ storm: { failures, requests, staleMs, updates }, code }: StormReport): void {
  expect({ failures, code }).toEqual({ failures: {}, code: 0 });
  expect([requests, updates].every((count) => count > 100)).toBe(true);
  expect(Math.max(0, ...staleMs)).toBeLessThan(BOUND_MS);
}

function summary({ storm, controlDelayMs, threadDelayMs }: StormReport): string {
  const { updates, seconds, requests, requestMs, staleMs } = storm;
  const slowest = [...requestMs].sort((a, b) => b - a)[Math.floor(requestMs.length / 100)] ?? 0;
  return [
    `${updates} updates in ${seconds.toFixed(1)} s, ${requests} requests (p99 ${slowest.toFixed(1)} ms)`,
    `${staleMs.length} to an endpoint that was gone (for ${Math.max(0, ...staleMs).toFixed(1)} ms at most)`,
    `event-loop delay p99: control thread ${controlDelayMs.toFixed(1)} ms, data plane ${threadDelayMs.toFixed(1)} ms`,
  ].join('; ');
}

// Namespaces need root, which CI has.
describe.skipIf(process.getuid?.() !== 0 && !process.env.CI)('500 EndpointSlices a second', () => {
  it('among 20,000 endpoints and 10,000 routes cost no request', { timeout: LIMIT_MS }, async () => {
    const report = await storm('500', '10');
    console.info(summary(report));
    expectUnharmed(report);
    expect([report.controlDelayMs, report.threadDelayMs].filter((delayMs) => delayMs > BOUND_MS)).toEqual([]);
    expect(report.failedWatches).toBe(0);
  });

  it('nor when their watch breaks, and breaks with its past forgotten', { timeout: LIMIT_MS }, async () => {
    const report = await storm('500', '6', 'cut', 'forget');
    console.info(summary(report));
    expectUnharmed(report);
    expect(report.failedWatches).toBeGreaterThanOrEqual(2);
  });
});
