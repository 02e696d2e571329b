/**
 * What a request of one of many Consumers costs: `node bench/micro/consumers.ts [rounds]`. Nanoseconds of CPU with 10 and with
 * 10,000 Consumers, each with a credential, limits of its tier and policies of its own, and their ratio. All of them call in turn, so
 * nothing of one is in the caches of the processor when it comes again; and ten of them alone, as most calls are of a few.
 */
import { createHash, createHmac } from 'node:crypto';
import { ConsumerPlans } from '../../src/compile/consumer-plans.ts';
import type { CompiledRule } from '../../src/compile/table.ts';
import { testEnv } from '../../src/compile/testing.ts';
import type { ConsumerIr } from '../../src/ir/consumer.ts';
import { NO_CHANGE } from '../../src/ir/gateway.ts';
import { policyCatalogue } from '../../src/policies/index.ts';
import { bindPoliciesWith, type Entry, testConsumer } from '../../src/policies/testing.ts';
import { TestExchange } from '../../src/policies/testing-exchange.ts';
import { ConsumerDirectory } from '../../src/state/consumers.ts';
import { createLimitMemory } from '../../src/state/limits/memory.ts';

const ROUNDS = Number(process.argv[2] ?? 9);
const ITERATIONS = 200_000;
const SECRET = 'a secret of 32 characters or more, for a benchmark';
/** As many different lists of policies as a catalogue of plans may have. */
const PLANS = 10;
const origin = { object: { kind: 'Consumer', namespace: 'test', name: 'x' }, fieldPath: '', location: null };

const limits = [
  {
    name: 'tier',
    key: [{ consumer: {} }],
    cost: 1,
    shadow: false,
    tokenBucket: { capacity: 1e9, rate: '1000/s' },
  },
];

function consumer(i: number): ConsumerIr {
  const plan = i % PLANS;
  const set = { rename: [], remove: [], set: [{ name: 'X-Plan', value: `plan-${plan}` }], add: [] };
  return testConsumer(`consumer-${i}`, {
    groups: [`plan-${plan}`],
    apiKeys: [createHash('sha256').update(keyOf(i)).digest('base64url')],
    claims: [{ claim: 'client', equals: `client-${i}` }],
    rateLimit: { id: 'test/tier', scope: 'local', limits: limits as never },
    policies: { id: `${plan}`, refs: [{ name: 'requestHeaders', config: set, origin }], closed: null },
  });
}

const keyOf = (i: number) => `key-of-consumer-${i}-${'k'.repeat(20)}`;

function tokenOf(i: number): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 86_400;
  const signed = `${text({ alg: 'HS256', typ: 'JWT' })}.${text({ client: `client-${i}`, sub: `user-${i}`, exp })}`;
  return `Bearer ${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** What one request of the i-th credential goes along. */
function world(count: number, [name, config]: readonly [string, object]) {
  const consumers = new ConsumerDirectory(() => undefined);
  const all = Array.from({ length: count }, (_, i) => consumer(i));
  consumers.apply(all, []);
  const env = {
    ...testEnv(policyCatalogue).policyEnv,
    limits: createLimitMemory({ threads: 1, bucketBytes: 16 * 1024 * 1024, permitKeys: 256 }),
  };
  const plans = new ConsumerPlans(policyCatalogue, env, () => undefined);
  plans.apply({ ...NO_CHANGE, upsertConsumers: all });
  const entries: Entry[] = [
    [policyCatalogue.get(name)!, config],
    [
      policyCatalogue.get('rateLimit')!,
      { limits: [{ name: 'route', key: [{ consumer: {} }], tokenBucket: { capacity: 5, rate: '1/s' } }] },
    ],
    [policyCatalogue.get('identityHeaders')!, {}],
  ];
  const surroundings = {
    consumers,
    consumerSteps: plans,
    secrets: { 'jwt/secret': SECRET },
    env: { limits: env.limits },
  };
  return bindPoliciesWith(surroundings, ...entries);
}

class Caller {
  readonly #rule: CompiledRule<string>;
  readonly #x = new TestExchange({ lines: ['Accept: application/json', 'User-Agent: bench'] });
  readonly #header: string;
  readonly #credentials: readonly string[];

  constructor(rule: CompiledRule<string>, header: string, credentials: readonly string[]) {
    this.#rule = rule;
    this.#header = header;
    this.#credentials = credentials;
  }

  /** @param among how many of them call */
  call(i: number, among: number): void {
    const x = this.#x;
    x.forget();
    x.request.begin('http', '192.0.2.1', '/');
    x.request.setHeader(this.#header, this.#credentials[(i * 7919) % among]!);
    for (const { policy } of this.#rule.onRequest!) {
      const reply = policy.onRequest!(x);
      if (reply !== undefined) throw new Error('a request was refused, or has to wait: nothing is measured');
    }
    for (const { policy } of this.#rule.onDone ?? []) policy.onDone!(x);
  }
}

function nanoseconds(caller: Caller, among: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < ITERATIONS; i++) caller.call(i, among);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1e3) / ITERATIONS;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const WAYS = [
  ['API keys', 'x-api-key', keyOf, ['apiKey', {}]],
  ['tokens (JWT)', 'authorization', tokenOf, ['jwt', { keys: [{ secretRef: { name: 'jwt' } }] }]],
] as const;

console.log(`ns of CPU a request: credential, tier, policies of the Consumer; median of ${ROUNDS} rounds`);
for (const [what, header, credentialOf, entry] of WAYS) {
  const callers = [10, 10_000].map((count) => {
    const credentials = Array.from({ length: count }, (_, i) => credentialOf(i));
    return { count, caller: new Caller(world(count, entry), header, credentials) };
  });
  const [few, many] = callers as [(typeof callers)[0], (typeof callers)[0]];
  const times: Record<'few' | 'ten' | 'all', number[]> = { few: [], ten: [], all: [] };
  // The first round warms up, and lets each credential be proved once.
  for (let round = 0; round <= ROUNDS; round++) {
    const measured = {
      few: nanoseconds(few.caller, 10),
      ten: nanoseconds(many.caller, 10),
      all: nanoseconds(many.caller, many.count),
    };
    if (round === 0) continue;
    for (const key of ['few', 'ten', 'all'] as const) times[key].push(measured[key]);
  }
  const [of10, tenOf10k, allOf10k] = [times.few, times.ten, times.all].map(median) as [
    number,
    number,
    number,
  ];
  const line = (label: string, ns: number) =>
    console.log(
      `${what.padEnd(14)} ${label.padEnd(34)} ${ns.toFixed(0).padStart(6)} ns   ratio ${(ns / of10).toFixed(2)}`,
    );
  line('10 Consumers, all call', of10);
  line('10,000 Consumers, ten call', tenOf10k);
  line('10,000 Consumers, all call in turn', allOf10k);
}
