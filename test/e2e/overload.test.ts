import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import { headerOf } from './support/http-text.ts';
import { get, head, RawClient } from './support/raw-client.ts';
import { prefix, route } from './support/resources.ts';
import { until } from './support/wait.ts';

/** A thread with more work than it can do: what it turns away, and what its numbers say of it. */
let gateway: Gateway;

const overload = (priority: string) => ({ overload: { priority, maxDelay: '5ms' } });
const answered = (path: string, ...policies: object[]) => ({ ...prefix(path), respond: {}, policies });
/** Each takes the thread some tens of milliseconds, in one piece. */
const HEAVY = JSON.stringify(Array.from({ length: 200_000 }, (_, i) => ({ id: i })));
const SCHEMA = { type: 'array', items: { type: 'object', properties: { id: { type: 'integer' } } } };

beforeAll(async () => {
  gateway = await startGateway({
    threads: 1,
    files: {
      'route.yaml': route('all', [
        answered('/low', overload('low')),
        answered('/vital', overload('critical')),
        answered('/work', overload('critical'), {
          validate: { body: { schema: SCHEMA }, maxBodyBytes: '8Mi' },
        }),
      ]),
    },
    settings: { limits: { heldBodyBytes: '256Mi' } },
  });
});
afterAll(() => gateway?.stop());

/** The sum of a metric's series; 0 while there is none. */
async function metric(name: string, labels = ''): Promise<number> {
  const { text } = await gateway.admin('/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Eight clients, each of which has work for the thread all the time. */
function work(): { stop(): Promise<ReadonlySet<number>> } {
  let going = true;
  const seen = new Set<number>();
  const lines = ['Content-Type: application/json', `Content-Length: ${HEAVY.length}`];
  const clients = Array.from({ length: 8 }, async () => {
    const client = await RawClient.connect(gateway.port);
    try {
      for (let count = 1; going; count++) {
        client.write(head('POST /work', ...lines));
        client.write(HEAVY);
        seen.add((await client.answers(count, ['POST'], 60_000)).at(-1)!.status);
      }
    } finally {
      client.destroy();
    }
  });
  return {
    async stop() {
      going = false;
      await Promise.all(clients);
      return seen;
    },
  };
}

it('low priority is turned away and counted, critical is not, and it ends with the load', async () => {
  const shed = () => metric('gateway_overload_shed_total', 'priority="low"');
  const pressure = () => metric('gateway_thread_overload_pressure');
  expect([(await get(gateway.port, '/low')).status, await shed(), await pressure()]).toEqual([200, 0, 0]);
  const running = work();
  let vital = 200;
  try {
    await until(
      async () => {
        const [low, critical] = await Promise.all([get(gateway.port, '/low'), get(gateway.port, '/vital')]);
        vital = Math.max(vital, critical.status);
        if (low.status !== 503) return false;
        expect(Number(headerOf(low, 'retry-after'))).toBeGreaterThan(0);
        return true;
      },
      'the thread turns away',
      60_000,
    );
    await until(async () => (await shed()) > 0 && (await pressure()) > 0, 'it is counted', 30_000);
  } finally {
    // None of the work itself is turned away.
    expect(await running.stop()).toEqual(new Set([200]));
  }
  expect(vital).toBe(200);
  await until(async () => (await pressure()) === 0, 'the thread is calm', 30_000);
  expect((await get(gateway.port, '/low')).status).toBe(200);
  expect(await metric('gateway_overload_shed_total', 'priority="critical"')).toBe(0);
}, 180_000);
