import type { ConsumerSteps } from '../compile/consumer-plans.ts';
import { bindRule } from '../compile/rule.ts';
import type { CompiledRule } from '../compile/table.ts';
import { routeOf, testEnv } from '../compile/testing.ts';
import type { ConsumerIr } from '../ir/consumer.ts';
import type { SecretName } from '../ir/secret.ts';
import { normalizePath } from '../lib/path.ts';
import type { BackendAnswer, ClientInfo, Exchange } from '../pipeline/exchange.ts';
import type { PolicyEnv, PolicySpec, ResolveContext } from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';
import type { Slot } from '../pipeline/slot.ts';
import { BodyBudget } from '../proxy/body/budget.ts';
import { BodyFlow } from '../proxy/body/flow.ts';
import { announcedBytes, PolicyRequestBody, type RequestBodyHost } from '../proxy/body/request-body.ts';
import { PolicyResponseBody, type ResponseBodyHost } from '../proxy/body/response-body.ts';
import { RequestView } from '../proxy/exchange/request-view.ts';
import { ResponseView } from '../proxy/exchange/response-view.ts';
import { parseRequestHead } from '../proxy/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '../proxy/http1/response-head.ts';
import { createValidators, type ResourceValidators } from '../resources/validate/validators.ts';
import type { ConsumerDirectory } from '../state/consumers.ts';

/**
 * Runs policies without sockets. Configuration passes the real validator, policies are bound and ordered by the real
 * compiler, and the messages are the data plane's own views of parsed heads. Only the walk along the chain is
 * written anew here; `test/e2e/policies.test.ts` sees each policy in a running gateway.
 */

const LIMITS = { maxHeadBytes: 65_536, maxHeaders: 100, maxTargetBytes: 8192 };

/** One entry of a `policies` list. */
export type Entry = readonly [spec: PolicySpec, config: unknown, mode?: 'shadow'];

/** What a client sends; everything has a default. */
export interface TestRequest {
  readonly method?: string;
  readonly target?: string;
  /** Lines such as `Origin: https://a.example`. A Host of `shop.test` is added when none is given. */
  readonly lines?: readonly string[];
  /** Sent with Content-Length unless a line says `Transfer-Encoding: chunked`. */
  readonly body?: string | Uint8Array;
  readonly scheme?: 'http' | 'https';
  readonly client?: string;
  /** The peer is a trusted proxy. */
  readonly trusted?: boolean;
  /** The client leaves or time is up at this signal. */
  readonly signal?: AbortSignal;
}

/** What the backend answers. */
export interface TestAnswer {
  readonly status?: number;
  readonly lines?: readonly string[];
  /** As in {@link TestRequest}. */
  readonly body?: string | Uint8Array;
}

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

/** @public For the benchmark of policies, too. */
export class TestExchange implements Exchange, RequestBodyHost, ResponseBodyHost {
  readonly requestId = 'id-1';
  readonly generation = 1;
  readonly routeKey = 'GatewayRoute/test/test';
  readonly ruleName = '0';
  readonly pattern = '/';
  readonly startedAtMs = performance.now();
  readonly client: ClientInfo;
  readonly request = new RequestView();
  readonly response = new ResponseView();
  readonly signal: AbortSignal;
  requestFlow: BodyFlow | null = null;
  responseFlow: BodyFlow | null = null;
  answerBody: string | Uint8Array = '';
  /** A stream of a policy has failed. */
  failure: Error | null = null;
  readonly #sent: TestRequest;
  readonly #slots: unknown[] = [];

  constructor(sent: TestRequest) {
    this.#sent = sent;
    this.request.body = new PolicyRequestBody(this, this.request.head);
    this.response.body = new PolicyResponseBody(this);
    this.response.onReplaced = () => {
      this.responseFlow = null;
    };
    const address = sent.client ?? '192.0.2.1';
    this.client = { address, peerAddress: address, peerPort: 40_000, trusted: sent.trusted ?? false };
    this.signal = sent.signal ?? new AbortController().signal;
    const lines = sent.lines ?? [];
    const host = lines.some((line) => /^host:/i.test(line)) ? [] : ['Host: shop.test'];
    const start = `${sent.method ?? 'GET'} ${sent.target ?? '/'} HTTP/1.1`;
    const code = parseRequestHead(
      `${[start, ...host, ...lines, ...lengthLines(lines, sent.body)].join('\r\n')}\r\n\r\n`,
      this.request.head,
      LIMITS,
    );
    if (code !== 0) throw new Error(`the request is refused: ${code}`);
    this.request.begin('http', address, normalizePath(this.request.head.path) ?? '/');
    if (sent.scheme !== undefined) Object.defineProperty(this.request, 'scheme', { value: sent.scheme });
  }

  openRequestFlow(): BodyFlow {
    this.requestFlow = this.#flowOf(this.#sent.body ?? '', announcedBytes(this.request.head));
    return this.requestFlow;
  }

  openResponseFlow(): BodyFlow {
    const { head, made } = this.response;
    const announced = head?.framing === 'length' ? head.contentLength : null;
    this.responseFlow = this.#flowOf(made ?? this.answerBody, announced);
    return this.responseFlow;
  }

  #flowOf(body: string | Uint8Array, announced: number | null): BodyFlow {
    let started = false;
    const start = () => {
      if (started) return;
      started = true;
      const bytes = Buffer.from(body as string);
      if (bytes.length > 0) flow.onData(bytes, 0, bytes.length);
      flow.onReadEnd();
      flow.onEnd('');
    };
    const owner = {
      onFlowFailed: (error: Error) => {
        this.failure = error;
      },
    };
    const source = { start: () => setImmediate(start), stop: () => undefined };
    const flow = new BodyFlow(source, owner, new BodyBudget(Number.MAX_SAFE_INTEGER), announced);
    return flow;
  }

  async askBackend(): Promise<BackendAnswer | null> {
    return null;
  }

  /** As before the first policy. */
  forget(): void {
    this.#slots.length = 0;
  }

  get<T>(slot: Slot<T>): T | undefined {
    return this.#slots[slot.index] as T | undefined;
  }

  set<T>(slot: Slot<T>, value: T): void {
    this.#slots[slot.index] = value;
  }
}

/** An exchange whose backend has answered, for the benchmarks: its policies have not run. */
export function answeredExchange(sent: TestRequest, answer: TestAnswer): Exchange {
  const x = new TestExchange(sent);
  x.answerBody = answer.body ?? '';
  x.response.useHead(answerHead(x, answer));
  return x;
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

function lengthLines(lines: readonly string[], body: string | Uint8Array | undefined): readonly string[] {
  if (body === undefined || lines.some((line) => /^(transfer-encoding|content-length):/i.test(line)))
    return [];
  return [`Content-Length: ${Buffer.byteLength(body)}`];
}

/** @public */
export function answerHead(x: TestExchange, { status = 200, lines = [], body }: TestAnswer): ResponseHead {
  const head = new ResponseHead();
  const text = `${[`HTTP/1.1 ${status} Status`, ...lines, ...lengthLines(lines, body)].join('\r\n')}\r\n\r\n`;
  const code = parseResponseHead(text, x.request.method, head, LIMITS);
  if (code !== 0) throw new Error(`the answer is refused: ${code}`);
  return head;
}

function linesOf(view: { headerEntries(): readonly (readonly [string, string])[] }): readonly string[] {
  return view.headerEntries().map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}
