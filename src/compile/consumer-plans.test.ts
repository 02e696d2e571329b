import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import type { ConsumerIr, ConsumerPolicies } from '../ir/consumer.ts';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { PolicyRef } from '../ir/route.ts';
import { GatewayError } from '../pipeline/errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { definePolicy, type Phase, type PolicySpec } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';
import { apiKey } from '../policies/api-key.ts';
import {
  bindPoliciesWith,
  type Entry,
  exchange,
  type TestRequest,
  testConsumer,
} from '../policies/testing.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { TableBuilder } from './builder.ts';
import { ConsumerPlans } from './consumer-plans.ts';
import { inputOf, matchOf, routeOfRules, testEnv } from './testing.ts';

const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
const open = Type.Object({ does: Type.Optional(Type.String()) }, { additionalProperties: false });

let events: string[] = [];
let bound = 0;

/** Says what it sees; `does` makes it reply, wait, throw, or fail to be bound. */
function tracer(name: string, phase: Phase): PolicySpec {
  return definePolicy({
    name,
    phase,
    summary: 'For tests.',
    schema: open,
    bind({ does = '' }, env) {
      if (does === 'unbound') throw new Error('no such thing');
      if (does === 'secret') env.secret({ secret: 'Secret/test/s/key' });
      bound++;
      const tell = (what: string) => void events.push(`${what} ${name}${does === '' ? '' : ` ${does}`}`);
      return {
        onRequest(x: Exchange) {
          tell('request');
          if (does === 'throw') throw new Error('in the middle');
          const reply = does.startsWith('reply') ? problem(403, name) : undefined;
          x.request.setHeader(`x-${name}`, does);
          return does.endsWith('later') ? Promise.resolve(reply) : reply;
        },
        onResponse() {
          tell('response');
          if (does === 'throwBack') throw new Error('in the answer');
          return does.endsWith('later') ? Promise.resolve() : undefined;
        },
        onDone: () => tell('done'),
        close: () => tell('close'),
      };
    },
  }) as unknown as PolicySpec;
}

const specs = [
  tracer('edge', 'edge'),
  ...(['authz', 'limit', 'rewrite', 'upstream'] as const).map((phase) => tracer(phase, phase)),
];
const byName = new Map([apiKey, ...specs].map((spec) => [spec.name, spec]));
const ENTRIES: readonly Entry[] = [
  [apiKey as unknown as PolicySpec, {}],
  ...specs.map((spec) => [spec, {}] as const),
];
const origin = {
  object: { kind: 'Consumer', namespace: 'test', name: 'a' },
  fieldPath: 'spec.policies[0]',
  location: null,
};

function policies(
  ...refs: readonly (readonly [name: string, does: string, shadow?: true])[]
): ConsumerPolicies {
  const made: PolicyRef[] = refs.map(([name, does, shadow]) => ({
    ...{ name, config: { does }, origin },
    ...(shadow && { shadow }),
  }));
  return { id: JSON.stringify(refs), refs: made, closed: null };
}
const consumer = (name: string, own: ConsumerPolicies | null): ConsumerIr =>
  testConsumer(name, { apiKeys: [digest(name)], policies: own });

function world(...consumers: readonly ConsumerIr[]) {
  events = [];
  bound = 0;
  const logs: string[] = [];
  const failures: number[] = [];
  const directory = new ConsumerDirectory(() => undefined);
  const env = { ...testEnv(byName).policyEnv, log: (_: string, message: string) => void logs.push(message) };
  const plans = new ConsumerPlans(byName, env, () => void failures.push(1));
  const apply = (upsertConsumers: readonly ConsumerIr[], removeConsumers: readonly string[] = []) => {
    directory.apply(upsertConsumers, removeConsumers);
    plans.apply({ ...NO_CHANGE, upsertConsumers, removeConsumers });
  };
  apply(consumers);
  const rule = () =>
    bindPoliciesWith({ consumers: directory, consumerSteps: plans, env: { log: env.log } }, ...ENTRIES);
  const bind = rule();
  bound = 0;
  const send = async (who: string, to = bind) => {
    events = [];
    const sent: TestRequest = { lines: [`X-API-Key: ${who}`] };
    return exchange(to, sent);
  };
  return { plans, apply, send, rule, logs, failures };
}

describe('policies of a Consumer', () => {
  test('run beside those of the rule, each in its phase, and answers pass them in reverse', async () => {
    const own = policies(['rewrite', 'mine'], ['authz', 'mine'], ['authz', 'later'], ['upstream', 'mine']);
    const { send } = world(consumer('a', own), consumer('b', null));
    await send('a');
    const there = [
      'edge',
      'authz',
      'authz mine',
      'authz later',
      'limit',
      'rewrite',
      'rewrite mine',
      'upstream',
      'upstream mine',
    ];
    expect(events.filter((one) => one.startsWith('request'))).toEqual(there.map((one) => `request ${one}`));
    expect(events.filter((one) => one.startsWith('response'))).toEqual(
      there.toReversed().map((one) => `response ${one}`),
    );
    expect(events.filter((one) => one.startsWith('done')).toSorted()).toEqual(
      there.map((one) => `done ${one}`).toSorted(),
    );
    expect(events.filter((one) => /^done .*(mine|later)/.test(one))).toEqual(
      ['upstream mine', 'authz later', 'authz mine', 'rewrite mine'].map((one) => `done ${one}`),
    );
    await send('b');
    expect(events.filter((one) => /mine|later/.test(one))).toEqual([]);
    expect((await send('nobody')).status).toBe(401);
    expect(events.filter((one) => /mine|later/.test(one))).toEqual([]);
  });

  test.each(['reply', 'reply later'])('may end the way: %s', async (does) => {
    const { send } = world(consumer('a', policies(['authz', does], ['limit', 'mine'])));
    const outcome = await send('a');
    expect([outcome.status, outcome.forwarded]).toEqual([403, null]);
    expect(events).not.toContain('request limit');
    expect(events).not.toContain('request limit mine');
    // Whoever made it, the answer passes all of them.
    expect(events).toContain('response limit mine');
  });

  test('one that throws ends the request, and in the answer nothing', async () => {
    const { send, logs } = world(
      consumer('a', policies(['authz', 'throw'])),
      consumer('b', policies(['authz', 'mine'], ['limit', 'throwBack'])),
    );
    await expect(send('a')).rejects.toThrow('authz: in the middle');
    expect((await send('b')).status).toBe(200);
    expect(events).toContain('response authz mine');
    expect(logs.join()).toContain('policy limit of the Consumer threw in onResponse: in the answer');
  });

  test('are bound when they are first asked for, once for all that have the same, and closed after the last request', async () => {
    const many = Array.from({ length: 100 }, (_, i) => consumer(`c${i}`, policies(['limit', 'mine'])));
    const { send, apply } = world(...many);
    expect(bound).toBe(0);
    for (let i = 0; i < 100; i++) expect((await send(`c${i}`)).status).toBe(200);
    expect(bound).toBe(1);
    events = [];
    apply(
      [],
      many.slice(1).map(({ key }) => key),
    );
    expect(events).toEqual([]);
    apply([consumer('c0', policies(['limit', 'other']))]);
    expect(events).toEqual(['close limit mine']);
    await send('c0');
    expect([bound, events.includes('request limit other')]).toEqual([2, true]);
  });

  test('of a request that runs stay open until it is done', async () => {
    const { send, apply } = world(consumer('a', policies(['limit', 'later'])));
    await send('a');
    events = [];
    const running = send('a');
    while (!events.includes('request limit later')) await Promise.resolve();
    apply([consumer('a', null)]);
    expect(events).not.toContain('close limit later');
    await running;
    const [done, close] = ['done limit later', 'close limit later'].map((one) => events.indexOf(one));
    expect(close).toBeGreaterThan(done!);
  });

  test('a secret that changes has them bound anew', async () => {
    const { send, plans } = world(consumer('a', policies(['limit', 'secret'])));
    await send('a');
    await send('a');
    expect(bound).toBe(1);
    plans.apply({ ...NO_CHANGE, upsertSecrets: [{ key: 'Secret/test/s/key', text: 'new' }] });
    expect(events.slice(-1)).toEqual(['close limit secret']);
    await send('a');
    expect(bound).toBe(2);
  });
});

describe('what can not be built', () => {
  const code = async (sent: Promise<unknown>) =>
    sent.then(
      () => 'passed',
      (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
    );

  test('closes the requests of that Consumer, and is told', async () => {
    const { send, plans, failures, logs } = world(
      consumer('a', policies(['authz', 'mine'], ['limit', 'unbound'])),
      consumer('b', policies(['limit', 'mine'])),
    );
    expect(await code(send('a'))).toBe('consumerFailed');
    expect(await code(send('a'))).toBe('consumerFailed');
    expect((await send('b')).status).toBe(200);
    expect(failures).toEqual([1]);
    expect(plans.failures).toMatchObject([
      {
        objectKey: 'Consumer/test/a',
        message: 'policy limit: no such thing',
        origin: { fieldPath: 'spec.policies[0]' },
      },
    ]);
    expect(logs).toEqual(['Consumer/test/a: policy limit: no such thing']);
    expect(events).not.toContain('close authz mine');
  });

  test('so does what the control thread has found, which is in the findings already', async () => {
    const closed = { ...policies(['authz', 'mine']), closed: { origin, message: 'no' } };
    const { send, plans } = world(consumer('a', closed), consumer('b', policies(['authz', 'mine'])));
    expect(await code(send('a'))).toBe('consumerFailed');
    expect(plans.failures).toEqual([]);
  });

  test('with nothing but what can not be, requests are closed all the same', async () => {
    const closed = { id: 'x', refs: [], closed: { origin, message: 'no' } };
    const { send } = world(consumer('a', closed));
    expect(await code(send('a'))).toBe('consumerFailed');
  });

  test('in shadow mode it is told, and requests pass', async () => {
    const { send, logs } = world(
      consumer('a', policies(['limit', 'unbound', true], ['authz', 'reply', true])),
    );
    expect((await send('a')).status).toBe(200);
    expect(logs.join()).toContain('no such thing');
  });
});

const APIKEY = {
  ...{ optional: false, namespace: 'test' },
  config: { from: [{ header: 'X-API-Key' }], keep: false, realm: 'api', namespace: 'test' },
};

test('rules are bound anew when the first Consumer has policies of a phase, and not again', () => {
  const { plans, apply } = world(consumer('a', null));
  const env = { ...testEnv(byName), consumerSteps: plans };
  const builder = new TableBuilder<string>(env);
  const ref = (name: string): PolicyRef => ({ name, config: {}, origin });
  const routes = ['with', 'without'].map((name) =>
    routeOfRules(name, [
      {
        matches: [matchOf({ kind: 'prefix', value: `/${name}` })],
        policies: name === 'with' ? [{ ...ref('apiKey'), config: APIKEY }, ref('limit')] : [ref('limit')],
      },
    ]),
  );
  const stepsOf = (path: string) =>
    builder
      .apply(NO_CHANGE, 1)
      .table.match(inputOf({ path }))!
      .rule.steps.map(({ name }) => name);
  builder.apply({ ...NO_CHANGE, upsertRoutes: routes }, 1);
  expect(stepsOf('/with')).toEqual(['apiKey', 'limit']);
  apply([consumer('a', policies(['rewrite', '']))]);
  const grown = builder.apply(NO_CHANGE, 2);
  expect(grown.retired).toHaveLength(2);
  expect(stepsOf('/with')).toEqual(['apiKey', 'consumer', 'limit', 'consumer']);
  expect(stepsOf('/without')).toEqual(['limit']);
  apply([consumer('a', null), consumer('b', policies(['rewrite', 'x']))]);
  expect(builder.apply(NO_CHANGE, 3).retired).toEqual([]);
});
