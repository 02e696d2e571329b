import { Type } from 'typebox';
import { parseDuration } from '../lib/duration.ts';
import { duration, fields, refined, text } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem, type Reply } from '../pipeline/reply.ts';

/** A longer delay would only hold a connection. */
const MAX_DELAY_MS = 600_000;

const percent = (what: string) =>
  Type.Number({
    description: `Share of the requests that ${what}, in percent.`,
    default: 100,
    minimum: 0,
    maximum: 100,
  });

const schema = fields(
  {
    delay: Type.Optional(
      fields(
        {
          duration: refined(duration('How long requests are held; at most 10m.'), (written) =>
            parseDuration(written) > MAX_DELAY_MS ? `${written} is longer than 10m` : null,
          ),
          percent: percent('are delayed'),
        },
        'Holds requests before they go on.',
      ),
    ),
    abort: Type.Optional(
      fields(
        {
          status: Type.Integer({ description: 'Status of the answer.', minimum: 400, maximum: 599 }),
          percent: percent('are aborted'),
          body: Type.Optional(
            text('Body of the answer, as `text/plain`; none: problem details.', { maxLength: 65_536 }),
          ),
        },
        'Answers requests without the backend.',
      ),
    ),
  },
  'Slows or fails requests on purpose, to see how clients bear it. With both, a request is delayed first.',
  { minProperties: 1 },
);

/**
 * Stands where the backend would be asked: clients still pass every other policy, as they would if the backend were slow
 * or failing.
 */
export const fault = definePolicy({
  name: 'fault',
  phase: 'upstream',
  summary: 'Delays or fails a share of the requests on purpose.',
  schema,
  bind({ delay, abort }) {
    const delayMs = delay === undefined ? 0 : parseDuration(delay.duration);
    const delayShare = delayMs === 0 ? 0 : (delay?.percent ?? 0) / 100;
    const abortShare = (abort?.percent ?? 0) / 100;
    const reply = abort === undefined ? undefined : abortReply(abort.status, abort.body);
    const outcome = () => (Math.random() < abortShare ? reply : undefined);
    return {
      onRequest(x) {
        if (Math.random() >= delayShare) return outcome();
        return pause(delayMs, x.signal).then(outcome);
      },
    };
  },
});

function abortReply(status: number, body: string | undefined): Reply {
  if (body === undefined) return problem(status, 'This request was failed on purpose.');
  return { status, headers: [['content-type', 'text/plain; charset=utf-8']], body };
}

/** Resolves after `ms`, or at once when the signal is aborted: then nothing is left that holds the exchange. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms).unref();
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
