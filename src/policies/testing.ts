import type { ConsumerSteps } from '../compile/consumer-plans.ts';
import { bindRule } from '../compile/rule.ts';
import type { CompiledRule } from '../compile/table.ts';
import { routeOf, testEnv } from '../compile/testing.ts';
import type { ConsumerIr } from '../ir/consumer.ts';
import type { SecretName } from '../ir/secret.ts';
import { fields } from '../lib/schema.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import {
  definePolicy,
  type Phase,
  type PolicyEnv,
  type PolicySpec,
  type ResolveContext,
} from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';
import type { BodyFlow } from '../proxy/body/flow.ts';
import { createValidators, type ResourceValidators } from '../resources/validate/validators.ts';
import type { ConsumerDirectory } from '../state/consumers.ts';
import { answerHead, type TestAnswer, TestExchange, type TestRequest } from './testing-exchange.ts';

export type { TestAnswer, TestRequest };

/**
 * Runs policies without sockets. Configuration passes the real validator, policies are bound and ordered by the real
 * compiler, and the messages are the data plane's own views of parsed heads. Only the walk along the chain is
 * written anew here; `test/e2e/policies.test.ts` sees each policy in a running gateway.
 */

/** A policy of a test's own, which does that with each request. */
export function testStep(phase: Phase, onRequest: (x: Exchange) => void): PolicySpec {
  return definePolicy({
    name: 'probe',
    phase,
    summary: 'For tests.',
    schema: fields({}, 'For tests.'),
    bind: () => ({ onRequest }),
  });
}

/** One entry of a `policies` list. */
export type Entry = readonly [spec: PolicySpec, config: unknown, mode?: 'shadow'];

export interface TestOutcome {
  /** Lines of the request as it would be sent; null when no backend was asked. */
  readonly forwarded: readonly string[] | null;
  /** The body that the backend would get; empty when there is none, or no backend was asked. */
  readonly forwardedBody: Buffer;
  /** Path and query as policies left them. */
  readonly forwardedPath: string;
  readonly forwardedQuery: string;
  readonly status: number;
  readonly lines: readonly string[];
  /** Of an answer that was made here; null: the backend's body goes out. */
  readonly body: string | null;
  /** What the client gets, whoever made it. */
  readonly answerBody: Buffer;
  header(name: string): string | null;
}

/** By the names of the policies: to compile the schemas takes longer than everything else here. */
const validatorsByNames = new Map<string, ResourceValidators>();

function validatorsOf(specs: readonly PolicySpec[]): ResourceValidators {
  const names = specs.map(({ name }) => name).join();
  let validators = validatorsByNames.get(names);
  if (validators === undefined) {
    validators = createValidators(new Map(specs.map((spec) => [spec.name, spec])));
    validatorsByNames.set(names, validators);
  }
  return validators;
}

/** @throws Error with every message of the validator. */
function validated(entries: readonly Entry[]): readonly unknown[] {
  const policies = entries.map(([spec, config, mode]) => ({
    [spec.name]: structuredClone(config),
    ...(mode === 'shadow' && { shadow: true }),
  }));
  const route = { metadata: { name: 'test' }, spec: { rules: [{ respond: {}, policies }] } };
  const result = validatorsOf(entries.map(([spec]) => spec)).validate('GatewayRoute', {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    ...route,
  });
  if (!result.ok) {
    throw new Error(result.errors.map(({ fieldPath, message }) => `${fieldPath}: ${message}`).join('\n'));
  }
  return policies.map((entry) => Object.values(entry)[0]);
}

/** What policies may refer to. */
export interface TestSurroundings {
  /** Texts by `name/key` of their Secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** By `name/key` of their ConfigMaps, or by file. */
  readonly documents?: Readonly<Record<string, object>>;
  /** In place of what a thread lends. */
  readonly env?: Partial<PolicyEnv>;
  /** Of the namespace `test`; changes of it are seen. */
  readonly consumers?: ConsumerDirectory;
  /** Policies of theirs. */
  readonly consumerSteps?: ConsumerSteps;
}

/** A Consumer of the namespace `test`. */
export function testConsumer(name: string, more: Partial<ConsumerIr> = {}): ConsumerIr {
  return {
    ...{ key: `Consumer/test/${name}`, namespace: 'test', name },
    ...{ groups: [], roles: [], permissions: [], apiKeys: [], passwords: [], claims: [] },
    ...{ certificates: [], rateLimit: null, policies: null, signers: [], signingKeys: [], ...more },
  };
}

/** A rule with these policies. @throws Error when their configuration is refused, or they can't be bound. */
export function bindPolicies(...entries: readonly Entry[]): CompiledRule<string> {
  return bindPoliciesWith({}, ...entries);
}

/** As {@link bindPolicies}, with what they refer to. */
export function bindPoliciesWith(
  { secrets = {}, documents = {}, consumers, consumerSteps, env: given = {} }: TestSurroundings,
  ...entries: readonly Entry[]
): CompiledRule<string> {
  const configs = validated(entries);
  const { policyEnv, ...rest } = testEnv(new Map(entries.map(([spec]) => [spec.name, spec])));
  const lent = {
    secret: ({ secret }: SecretName) => secrets[secret]!,
    ...(consumers !== undefined && {
      consumers: (namespace: string) => consumers.in(namespace),
      consumer: (key: string) => consumers.byKey(key),
    }),
  };
  const env = {
    ...{ ...rest, ...(consumerSteps && { consumerSteps }) },
    policyEnv: { ...policyEnv, ...lent, ...given },
  };
  const route = routeOf('test', []);
  const policies = entries.map(([spec, , mode], i) => {
    const context: ResolveContext = {
      id: `test ${i}`,
      namespace: 'test',
      shadow: mode === 'shadow',
      referred: () => null,
      secret: ({ name, key }, field, check) => {
        const text = secrets[`${name}/${key}`];
        const message = text === undefined ? 'is not there' : (check?.(text) ?? null);
        if (message !== null) throw new Error(`${field}: Secret ${name} ${message}`);
        return { secret: `${name}/${key}` };
      },
      document: ({ name, key }) => documents[`${name}/${key}`] ?? null,
      file: (path) => documents[path] ?? null,
    };
    const config = spec.resolve?.(configs[i], context) ?? configs[i];
    const ref = { name: spec.name, config, origin: route.origin };
    return mode === 'shadow' ? { ...ref, shadow: true as const } : ref;
  });
  const { rule, failure } = bindRule(route, { ...route.rules[0]!, policies }, env);
  if (failure !== null) throw new Error(failure);
  return rule;
}

/**
 * Sends one request along the rule's policies and back.
 * @throws what a stream of a policy fails with
 */
export async function exchange(
  rule: CompiledRule<string>,
  sent: TestRequest = {},
  answer: TestAnswer = {},
): Promise<TestOutcome> {
  const x = new TestExchange(sent);
  let reply: Reply | undefined;
  for (const { policy } of rule.onRequest ?? []) {
    reply = (await policy.onRequest!(x)) ?? undefined;
    if (reply !== undefined) break;
  }
  const forwarded = reply === undefined ? linesOf(x.request) : null;
  const forwardedBody =
    forwarded === null ? Buffer.alloc(0) : await bytesOf(x, x.requestFlow, sent.body ?? '');
  if (reply !== undefined) x.response.useReply(reply);
  else {
    x.answerBody = answer.body ?? '';
    x.response.useHead(answerHead(x, answer));
  }
  for (const { policy } of rule.onResponse ?? []) await policy.onResponse!(x);
  const { status, made } = x.response;
  const bodiless = x.request.method === 'HEAD' || status === 204 || status === 304;
  const answerBody = bodiless ? Buffer.alloc(0) : await bytesOf(x, x.responseFlow, made ?? x.answerBody);
  for (const { policy } of rule.onDone ?? []) policy.onDone!(x);
  return {
    forwarded,
    forwardedBody,
    forwardedPath: x.request.path,
    forwardedQuery: x.request.query,
    status,
    lines: linesOf(x.response),
    body: made === null ? null : Buffer.from(made as string).toString(),
    answerBody,
    header: (name) => x.response.header(name),
  };
}

/** What comes out at the end of the flow; `untouched` when no policy asked for it. */
async function bytesOf(
  x: TestExchange,
  flow: BodyFlow | null,
  untouched: string | Uint8Array,
): Promise<Buffer> {
  if (flow === null) return Buffer.from(untouched as string);
  const chunks: Buffer[] = [];
  let ended = false;
  flow.attach({
    write: (buf, from, to) => void chunks.push(Buffer.from(buf.subarray(from, to))),
    flush: () => true,
    end: () => {
      ended = true;
    },
  });
  while (!ended && x.failure === null) await new Promise((resolve) => setImmediate(resolve));
  if (x.failure !== null) throw x.failure;
  return Buffer.concat(chunks);
}

function linesOf(view: { headerEntries(): readonly (readonly [string, string])[] }): readonly string[] {
  return view.headerEntries().map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}
