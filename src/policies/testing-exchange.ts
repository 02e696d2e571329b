import { normalizePath } from '../lib/path.ts';
import type { BackendAnswer, ClientInfo, Exchange } from '../pipeline/exchange.ts';
import type { Slot } from '../pipeline/slot.ts';
import { BodyBudget } from '../proxy/body/budget.ts';
import { BodyFlow } from '../proxy/body/flow.ts';
import { announcedBytes, PolicyRequestBody, type RequestBodyHost } from '../proxy/body/request-body.ts';
import { PolicyResponseBody, type ResponseBodyHost } from '../proxy/body/response-body.ts';
import { RequestView } from '../proxy/exchange/request-view.ts';
import { ResponseView } from '../proxy/exchange/response-view.ts';
import { parseRequestHead } from '../proxy/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '../proxy/http1/response-head.ts';

const LIMITS = { maxHeadBytes: 65_536, maxHeaders: 100, maxTargetBytes: 8192 };

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
