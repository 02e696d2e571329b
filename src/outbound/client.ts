import type { Agent, Dispatcher } from 'undici';
import { Breaker } from '../lib/breaker.ts';
import { isFramingHeader } from '../lib/header-names.ts';
import type { AddressRules } from '../lib/target-address.ts';
import { OutboundFailure } from './failure.ts';

/** One call of our own: to a provider of keys, users or decisions, or to a webhook. */
export interface OutboundCall {
  readonly url: URL;
  readonly method: string;
  /** Names in lower case. Fields of the connection and of framing are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** From now to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Largest body of an answer that is taken. */
  readonly maxBytes: number;
  /** Ends the call when nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Lines of a field, in order; empty when there is none. Never a field of the connection. */
  headerLines(name: string): readonly string[];
  readonly body: Buffer;
}

/** Connections of one thread to one origin. More calls than that wait for one, within their time. */
const CONNECTIONS_PER_ORIGIN = 32;
const KEEP_ALIVE_MS = 4_000;

/**
 * The one way in which a thread calls other services. Nothing takes longer than its time, no answer is larger than its
 * limit, no redirect is followed, and no address that is not allowed is connected to.
 */
export class OutboundClient {
  /** By origin and path; they come from the configuration, so there are few. */
  readonly #breakers = new Map<string, Breaker>();
  readonly #agent: Promise<Agent>;

  constructor(rules: AddressRules) {
    this.#agent = makeAgent(rules);
    // Whoever calls hears of it.
    this.#agent.catch(() => undefined);
  }

  /**
   * The answer, whatever its status. Statuses of 500 and above count as failures of that URL: after some in a row it is
   * left alone for a while.
   * @throws OutboundFailure
   */
  async call(call: OutboundCall): Promise<OutboundAnswer> {
    const breaker = this.#breakerOf(call.url);
    if (!breaker.mayTry(performance.now()))
      throw new OutboundFailure('shut', `${call.url.host} has not answered lately`);
    try {
      const answer = await this.#inTime(call);
      if (answer.status >= 500) breaker.failed(performance.now());
      else breaker.succeeded();
      return answer;
    } catch (error) {
      const failure = toFailure(error, call);
      if (failure.code === 'aborted') breaker.abandoned();
      else breaker.failed(performance.now());
      throw failure;
    }
  }

  /** Ends every connection; calls that are under way fail. */
  async close(): Promise<void> {
    await (await this.#agent).destroy();
  }

  #breakerOf({ origin, pathname }: URL): Breaker {
    const key = `${origin}${pathname}`;
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      breaker = new Breaker();
      this.#breakers.set(key, breaker);
    }
    return breaker;
  }

  async #inTime(call: OutboundCall): Promise<OutboundAnswer> {
    const controller = new AbortController();
    const { signal, timeoutMs } = call;
    const outOfTime = () =>
      controller.abort(new OutboundFailure('timeout', `${call.url.host}: no answer in ${timeoutMs} ms`));
    const gone = () =>
      controller.abort(new OutboundFailure('aborted', `${call.url.host}: nobody waits for the answer`));
    const timer = setTimeout(outOfTime, timeoutMs);
    if (signal?.aborted === true) gone();
    signal?.addEventListener('abort', gone, { once: true });
    try {
      return await this.#send(call, controller.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
    }
  }

  async #send(call: OutboundCall, signal: AbortSignal): Promise<OutboundAnswer> {
    const agent = await this.#agent;
    signal.throwIfAborted();
    const { url, method, body, maxBytes } = call;
    const response = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: method as Dispatcher.HttpMethod,
      headers: sentHeaders(call.headers),
      body,
      signal,
    });
    const received = await readBody(response, maxBytes, url.host);
    return { status: response.statusCode, headerLines: linesOf(response.headers), body: received };
  }
}

/** Loaded with the first client: most gateways make no calls. */
async function makeAgent(rules: AddressRules): Promise<Agent> {
  const [{ Agent }, { guardedConnector }] = await Promise.all([import('undici'), import('./connector.ts')]);
  return new Agent({
    connect: guardedConnector(rules),
    connections: CONNECTIONS_PER_ORIGIN,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Every call has a time of its own, in milliseconds; these count in seconds.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

function sentHeaders(headers: OutboundCall['headers']): Record<string, string> {
  const sent: Record<string, string> = { 'user-agent': 'portreeve', 'accept-encoding': 'identity' };
  for (const [name, value] of Object.entries(headers)) if (!isFramingHeader(name)) sent[name] = value;
  return sent;
}

async function readBody(
  { body, headers }: Dispatcher.ResponseData,
  maxBytes: number,
  host: string,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const tooLarge = () =>
    new OutboundFailure('tooLarge', `${host}: the answer has more than ${maxBytes} bytes`);
  // An 'error' that comes after we turned away must not end the thread.
  body.on('error', () => undefined);
  if (Number(headers['content-length'] ?? 0) > maxBytes) {
    body.destroy();
    throw tooLarge();
  }
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop destroys the stream and with it the connection.
    if (length > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function linesOf(headers: Dispatcher.ResponseData['headers']): OutboundAnswer['headerLines'] {
  const named = [headers.connection ?? []].flat().join(',').toLowerCase().split(',');
  const hop = new Set(named.map((name) => name.trim()));
  return (name) => {
    const lower = name.toLowerCase();
    return hop.has(lower) || isFramingHeader(lower) ? [] : [headers[lower] ?? []].flat();
  };
}

function toFailure(error: unknown, { url }: OutboundCall): OutboundFailure {
  if (error instanceof OutboundFailure) return error;
  const { cause, message, code } = error as { cause?: unknown; message?: unknown; code?: unknown };
  if (cause instanceof OutboundFailure) return cause;
  return new OutboundFailure('failed', `${url.host}: ${String(message || code || error)}`);
}

let shared: OutboundClient | null = null;

/** @public The thread's client, made on first use and kept. What may be called is the same for all that a thread does. */
export function outboundClient(rules: AddressRules): OutboundClient {
  shared ??= new OutboundClient(rules);
  return shared;
}
