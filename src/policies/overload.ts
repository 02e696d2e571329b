import { Type } from 'typebox';
import { parseDuration } from '../lib/duration.ts';
import { choice, duration, fields, refined } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem, type Reply } from '../pipeline/reply.ts';
import { Governor, PRIORITIES } from '../state/load/governor.ts';
import { loadMonitor } from '../state/load/monitor.ts';

const schema = refined(
  fields(
    {
      priority: choice(
        PRIORITIES,
        'Requests of `low` are turned away first, then `normal`, then `high`; `critical` never are.',
        { default: 'normal' },
      ),
      maxDelay: duration(
        'A thread whose event loop is late by more than this for a while is overloaded: every request waits so long more than once.',
        '100ms',
      ),
      maxMemoryPercent: Type.Integer({
        description:
          'So much of the memory that the program may have (the limit of its cgroup) may be in use.',
        default: 95,
        minimum: 1,
        maximum: 100,
      }),
    },
    'Turns requests away while the thread can not keep up, instead of letting all of them wait.',
  ),
  ({ maxDelay }) => (parseDuration(maxDelay) === 0 ? 'maxDelay must be more than 0' : null),
);

/** Clients that were turned away together shall not come back together. */
const REPLIES: readonly Reply[] = [1, 2, 3].map((seconds) =>
  problem(503, 'The gateway is overloaded. Try again later.', [['retry-after', String(seconds)]]),
);

export const overload = definePolicy({
  name: 'overload',
  phase: 'edge',
  summary: 'Turns requests away with 503 while the thread is overloaded, those of low priority first.',
  schema,
  bind({ priority, maxDelay, maxMemoryPercent }, env) {
    const governor = new Governor({
      maxDelayMs: parseDuration(maxDelay),
      maxMemoryBytes: allowedBytes() * (maxMemoryPercent / 100),
    });
    loadMonitor.add(governor, env.overloadPressure());
    const shed = env.overloadShed(priority);
    let owed = 0;
    let turn = 0;
    return {
      onRequest() {
        if (governor.pressure === 0) return undefined;
        // Every third of 34 %, not a throw of dice: the share is met exactly.
        owed += governor.shareOf(priority);
        if (owed < 1) return undefined;
        owed -= 1;
        shed.add(1);
        turn = (turn + 1) % REPLIES.length;
        return REPLIES[turn];
      },
      close: () => loadMonitor.remove(governor),
    };
  },
});

/** `Infinity` where nothing limits it. */
function allowedBytes(): number {
  const bytes = process.constrainedMemory();
  // Without a limit the kernel names one that nobody has.
  return bytes > 0 && bytes < 2 ** 52 ? bytes : Number.POSITIVE_INFINITY;
}
