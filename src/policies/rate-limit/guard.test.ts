import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem } from '../../pipeline/reply.ts';
import { concurrencyLimit } from '../concurrency-limit.ts';
import { bindPolicies, exchange, type TestAnswer } from '../testing.ts';
import { rateLimit } from './index.ts';

/** Lets in who knows the word. */
const door = definePolicy({
  name: 'door',
  phase: 'authn',
  summary: 'For tests.',
  schema: Type.Object({}, { additionalProperties: false }),
  bind: () => ({
    onRequest: (x) => (x.request.header('word') === 'right' ? undefined : problem(401, 'Not this one.')),
  }),
});

const bucket = (capacity: number) => ({ tokenBucket: { capacity, rate: '1/d' } });
const guesses = { name: 'guesses', key: [{ clientAddress: {} }], ...bucket(3), statuses: ['401'] };

function gate(limits: readonly object[], more: object = { before: 'authentication' }) {
  const rule = bindPolicies([door, {}], [rateLimit, { limits, ...more }]);
  return async (word: string, answer: TestAnswer = {}, client = '192.0.2.1') =>
    (await exchange(rule, { lines: [`word: ${word}`], client }, answer)).status;
}

async function statuses(send: () => Promise<number>, times: number): Promise<readonly number[]> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await send());
  return all;
}

describe('before authentication', () => {
  it('a limit counts those who are refused; else only those who come in', async () => {
    const limit = { name: 'all', key: [{ clientAddress: {} }], ...bucket(2) };
    const [before, behind] = [gate([limit]), gate([limit], {})];
    expect(await statuses(() => before('wrong'), 3)).toEqual([401, 401, 429]);
    expect(await statuses(() => behind('wrong'), 3)).toEqual([401, 401, 401]);
    expect(await statuses(() => behind('right'), 3)).toEqual([200, 200, 429]);
  });

  it('stands there wherever it is listed, in front of a limit that does not', async () => {
    const limit = (name: string) => ({ name, key: [{ constant: 'all' }], ...bucket(1) });
    const rule = bindPolicies(
      [rateLimit, { limits: [limit('behind')] }],
      [door, {}],
      [concurrencyLimit, { max: 1, before: 'authentication' }],
      [rateLimit, { limits: [limit('before')], before: 'authentication' }],
    );
    expect(rule.steps.map(({ name }) => name)).toEqual([
      'concurrencyLimit',
      'rateLimit',
      'door',
      'rateLimit',
    ]);
    await exchange(rule, {});
    expect((await exchange(rule, {})).header('x-ratelimit-limit-type')).toBe('before');
  });

  it.each(['apiKey', 'user', 'consumer'])('nobody is known: %s is refused as a part of the key', (part) => {
    const key = [{ clientAddress: {} }, { [part]: {} }];
    const limits = [{ ...guesses, key }];
    expect(() => gate(limits)).toThrow(`limit guesses can't have ${part} in its key`);
    expect(() => gate(limits, {})).not.toThrow();
    const most = { max: 1, key, before: 'authentication' };
    expect(() => bindPolicies([concurrencyLimit, most])).toThrow(`its key can't have ${part}`);
  });

  it('nor is a claim, also where the limits come from elsewhere', () => {
    const limits = [{ ...guesses, key: [{ claim: 'tenant' }], cost: 1, shadow: false }];
    const config = {
      id: 'x',
      namespace: '',
      scope: 'local',
      headers: 'none',
      before: 'authentication',
      limits,
    };
    expect(() => rateLimit.bind(config as never, null as never)).toThrow("can't have claim in its key");
  });
});

describe('statuses', () => {
  it('only answers that have one count, and then nobody gets in', async () => {
    const send = gate([guesses]);
    expect(await statuses(() => send('right'), 9)).toEqual(Array(9).fill(200));
    expect(await statuses(() => send('wrong'), 4)).toEqual([401, 401, 401, 429]);
    // Who has guessed it does not learn that.
    expect(await send('right')).toBe(429);
    expect(await send('right', {}, '192.0.2.2')).toBe(200);
  });

  it("may be the backend's, and a class", async () => {
    const send = gate([{ ...guesses, statuses: ['404', '5xx'] }], {});
    expect(await statuses(() => send('right', { status: 403 }), 4)).toEqual([403, 403, 403, 403]);
    expect(await send('right', { status: 404 })).toBe(404);
    expect(await statuses(() => send('right', { status: 503 }), 3)).toEqual([503, 503, 429]);
  });

  it('those under way at once are all counted', async () => {
    const send = gate([{ ...guesses, ...bucket(3) }]);
    const sent = await Promise.all(Array.from({ length: 8 }, () => send('wrong')));
    expect(sent).toEqual(Array(8).fill(401));
    expect(await send('wrong')).toBe(429);
  });

  it('in shadow refuse nothing', async () => {
    const send = gate([{ ...guesses, shadow: true }]);
    expect(await statuses(() => send('wrong'), 5)).toEqual(Array(5).fill(401));
  });

  it('and a cost that the answer tells are two ways to count', () => {
    expect(() => gate([{ ...guesses, costResponseHeader: 'x-cost' }])).toThrow('write one of them');
    expect(() => gate([{ ...guesses, statuses: ['40x'] }])).toThrow('write a status like 401');
  });
});
