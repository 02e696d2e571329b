import { PassThrough } from 'node:stream';
import { Type } from 'typebox';
import { describe, expect, it, test } from 'vitest';
import type { PolicyRef } from '../ir/route.ts';
import { BodyRefusal } from '../pipeline/body.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { identityOf, identitySlot } from '../pipeline/identity.ts';
import { type BoundPolicy, definePolicy, type PolicyEnv } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';
import { concurrencyLimit } from '../policies/concurrency-limit.ts';
import { requestHeaders } from '../policies/headers/request.ts';
import { rateLimit } from '../policies/rate-limit/index.ts';
import { bindPolicies, exchange } from '../policies/testing.ts';
import { bindRule } from './rule.ts';
import { shadowPolicy } from './shadow-mode.ts';
import { routeOf, testEnv } from './testing.ts';

const closed = Type.Object({}, { additionalProperties: false });
let made = 0;

/** A policy that does what is given, beside one that acts and tells what reached it. */
function policyOf(bound: BoundPolicy) {
  return definePolicy({
    name: `does${made++}`,
    phase: 'authn',
    summary: 'For tests.',
    schema: closed,
    bind: () => bound,
  });
}

/** Runs a policy in shadow mode by hand; says what was counted and logged. */
async function counted(bound: BoundPolicy, times = 1) {
  const outcomes: string[] = [];
  const lines: string[] = [];
  const { policyEnv } = testEnv();
  const env: PolicyEnv = {
    ...policyEnv,
    shadowOutcomes: (policy, outcome) => ({ add: () => outcomes.push(`${policy} ${outcome}`) }),
    log: (_, message) => lines.push(message),
  };
  const rule = bindPolicies([policyOf({}), {}]);
  const policy = shadowPolicy('it', bound, env);
  const step = [{ name: 'it', policy }];
  const all = {
    ...rule,
    onRequest: policy.onRequest ? step : null,
    onResponse: policy.onResponse ? step : null,
    onDone: step,
  };
  const answers = [];
  for (let i = 0; i < times; i++)
    answers.push(await exchange(all, { lines: ['x-a: 1'] }, { lines: ['x-b: 2'] }));
  return { outcomes, lines, answers };
}

const replies: BoundPolicy = { onRequest: () => problem(403, 'No.') };
const edits: BoundPolicy = {
  onRequest(x) {
    x.request.setHeader('x-a', 'changed');
    x.request.removeHeader('x-a');
    x.request.addHeader('x-new', 'y');
    x.request.setPath('/elsewhere');
    x.request.setQuery('q=1');
  },
  onResponse(x) {
    x.response.setStatus(418);
    x.response.setHeader('x-b', 'changed');
  },
};

describe('whatever it does, nothing comes of it', () => {
  const cases: [string, BoundPolicy, string][] = [
    ['lets pass', { onRequest: () => undefined }, 'passed'],
    ['sets what is there', { onRequest: (x) => x.request.setHeader('x-a', '1') }, 'passed'],
    ['removes what is not there', { onResponse: (x) => x.response.removeHeader('x-c') }, 'passed'],
    ['edits', edits, 'edited'],
    ['replaces the body', { onRequest: (x) => x.request.body.replace(new Uint8Array(3)) }, 'edited'],
    ['transforms the body', { onResponse: (x) => x.response.body.transform(new PassThrough()) }, 'edited'],
    [
      'refuses the body',
      { onRequest: () => Promise.reject(new BodyRefusal(problem(400, 'No.'), 'no')) },
      'replied',
    ],
    ['replies', replies, 'replied'],
    ['replies later', { onRequest: () => Promise.resolve(problem(403, 'No.')) }, 'replied'],
    ['replaces the answer', { onResponse: (x) => x.response.replace(problem(502, 'No.')) }, 'replied'],
    [
      'throws',
      {
        onRequest: () => {
          throw new Error('broken');
        },
      },
      'threw',
    ],
    ['throws later', { onRequest: () => Promise.reject(new Error('broken')) }, 'threw'],
    [
      'throws at the answer',
      {
        onResponse: () => {
          throw new Error('broken');
        },
      },
      'threw',
    ],
    [
      'throws at the end',
      {
        onRequest: () => undefined,
        onDone: () => {
          throw new Error('broken');
        },
      },
      'threw',
    ],
  ];
  it.each(cases)('%s', async (_, bound, outcome) => {
    const { outcomes, answers } = await counted(bound);
    expect(outcomes).toEqual([`it ${outcome}`]);
    expect(answers[0]).toMatchObject({ status: 200, body: null, lines: ['x-b: 2'] });
    expect(answers[0]!.forwarded).toEqual(['host: shop.test', 'x-a: 1']);
  });
});

test('the same is logged once, and counted each time', async () => {
  const { outcomes, lines } = await counted(replies, 50);
  expect(outcomes).toHaveLength(50);
  expect(lines).toEqual(['GatewayRoute/test/test rule 0: policy it in shadow mode would have answered 403']);
});

test('an identity that it found is nobody to those behind it, but its own to itself', async () => {
  const seen: unknown[] = [];
  const finds = policyOf({
    onRequest: (x) => x.set(identitySlot, identityOf({ user: 'mallory', schemes: ['x'] })),
    onResponse: (x) => void seen.push(x.get(identitySlot)?.user),
  });
  const behind = policyOf({ onRequest: (x: Exchange) => void seen.push(x.get(identitySlot)?.user) });
  await exchange(bindPolicies([finds, {}, 'shadow'], [behind, {}]));
  expect(seen).toEqual([undefined, 'mallory']);
});

test('those behind it see nothing of its edits', async () => {
  const set = { set: [{ name: 'x-who', value: 'a' }] };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of ours
  const copies = { set: [{ name: 'x-copy', value: '${header.x-who}' }] };
  const rule = bindPolicies([requestHeaders, set, 'shadow'], [requestHeaders, copies]);
  expect((await exchange(rule)).forwarded).toEqual(['host: shop.test']);
});

test('limits in shadow mode refuse nothing, and give back what they held', async () => {
  const limits = [{ name: 'one', key: [{ constant: 'all' }], tokenBucket: { capacity: 1, rate: '1/d' } }];
  const rule = bindPolicies([rateLimit, { limits }, 'shadow'], [concurrencyLimit, { max: 1 }, 'shadow']);
  for (let i = 0; i < 3; i++) expect((await exchange(rule)).status).toBe(200);
});

test('one that can not be bound is told, and its rule is open without it', async () => {
  const broken = definePolicy({
    name: 'broken',
    phase: 'edge',
    summary: 'For tests.',
    schema: closed,
    bind: () => {
      throw new Error('no such thing');
    },
  });
  const env = testEnv(new Map([['broken', broken]]));
  const route = routeOf('test', []);
  const ref: PolicyRef = { name: 'broken', config: {}, origin: route.origin };
  const shadowed = bindRule(route, { ...route.rules[0]!, policies: [{ ...ref, shadow: true }] }, env);
  expect(shadowed.rule.action.kind).toBe('respond');
  expect(shadowed.failure).toBe('policy broken: no such thing (in shadow mode: the rule serves without it)');
  const acting = bindRule(route, { ...route.rules[0]!, policies: [ref] }, env);
  expect([acting.rule.action.kind, acting.failure]).toEqual(['fail', 'policy broken: no such thing']);
});
