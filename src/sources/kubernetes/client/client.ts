import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { ApiError, statusError } from './api-error.ts';
import { type Credentials, CredentialsLoader } from './credentials.ts';

export type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the root of the server: `/api/v1/services`. */
  readonly path: string;
  readonly query?: QueryParameters;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** `application/json` when it is not set. */
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** For the whole of it, body included. */
  readonly timeoutMs?: number;
  /** Whether asking twice is as good as once, for a `POST`; all else always is, see {@link ApiClient}. */
  readonly repeatable?: boolean;
}

const TIMEOUT_MS = 30_000;
const CONNECT_MS = 10_000;
/** Finds a dead peer below the watchdog of a watch. Shorter than the idle time-outs of load balancers. */
const KEEP_ALIVE_MS = 30_000;
const USER_AGENT = 'portreeve';
/** An error's body is a small Status; anything longer is not one of the API server's. */
const MAX_ERROR_BYTES = 65_536;

/**
 * HTTP to the API server. All requests share one dispatcher; a new one takes its place only when the TLS material has
 * changed or a connection was found dead, and running watches end on the old one.
 *
 * A server may close a kept connection in the moment in which a request leaves on it (RFC 9112 9.5), and one that
 * restarts closes all of them. So a request whose connection ends before the answer begins is sent once more, on a new
 * connection: reads; server-side applies; deletions; and writes that name the `resourceVersion` they replace, as all of
 * ours do, which the API server refuses with a conflict if the first one had arrived.
 */
export class ApiClient {
  readonly #loader: CredentialsLoader;
  #dispatcher: Dispatcher | null = null;
  #dispatcherKey = '';
  #requests = 0;

  /** @throws Error when the kubeconfig can't be read. */
  constructor(kubeconfig: string | null) {
    this.#loader = new CredentialsLoader(kubeconfig);
  }

  /** The namespace that the credentials are for; null when they name none. */
  get namespace(): string | null {
    return this.#loader.namespace;
  }

  /** Requests sent so far. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * A parsed answer.
   * @throws ApiError for an answer that is not 2xx; Error when there is none.
   */
  async json<T>(call: ApiRequest): Promise<T> {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    const body = await this.open({ ...call, signal });
    return (await body.json()) as T;
  }

  /**
   * The body of an answer, to be read as it comes. Without `timeoutMs`: only `signal` ends it.
   * @throws ApiError for an answer that is not 2xx; Error when there is none.
   */
  async open(call: ApiRequest): Promise<Dispatcher.ResponseData['body']> {
    const { statusCode, headers, body } = await this.#send(call);
    if (statusCode >= 200 && statusCode < 300) return body;
    if (statusCode === 401) this.#loader.reload();
    const retryAfter = headers['retry-after'];
    throw statusError(statusCode, await readStatus(body), typeof retryAfter === 'string' ? retryAfter : null);
  }

  async #send(call: ApiRequest): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#loader.current();
    const dispatcher = this.#dispatcherFor(credentials);
    try {
      return await this.#sendOnce(call, credentials, dispatcher);
    } catch (error) {
      const repeatable = call.repeatable ?? call.method !== 'POST';
      if (!repeatable || !connectionEnded(error) || call.signal?.aborted) throw error;
      // What killed one idle connection has killed the others too, most likely.
      if (this.#dispatcher === dispatcher) this.#replace(null, '');
      return await this.#sendOnce(call, credentials, this.#dispatcherFor(credentials));
    }
  }

  #sendOnce(
    call: ApiRequest,
    { server, headers }: Credentials,
    dispatcher: Dispatcher,
  ): Promise<Dispatcher.ResponseData> {
    this.#requests += 1;
    return request(`${server}${call.path}`, {
      method: call.method ?? 'GET',
      query: definedOnly(call.query ?? {}),
      headers: { ...headers, ...headersOf(call) },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      dispatcher,
      headersTimeout: TIMEOUT_MS,
      // A watch may be silent for long; those who read it watch over it.
      bodyTimeout: 0,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
    this.#dispatcher = null;
    this.#dispatcherKey = '';
  }

  #dispatcherFor(credentials: Credentials): Dispatcher {
    const { headers: _, ...material } = credentials;
    const key = JSON.stringify(material);
    if (this.#dispatcher !== null && this.#dispatcherKey === key) return this.#dispatcher;
    const created = createDispatcher(credentials);
    this.#replace(created, key);
    return created;
  }

  /** What runs on the old one goes on; its idle connections are closed. */
  #replace(next: Dispatcher | null, key: string): void {
    const old = this.#dispatcher;
    this.#dispatcher = next;
    this.#dispatcherKey = key;
    // Rejects when it is destroyed meanwhile.
    old?.close().catch(() => {});
  }
}

/** HTTP/1.1: a watch has a connection of its own, so that one which stalls holds up no other. */
function createDispatcher({ proxyUrl, ca, cert, key, serverName, skipVerify }: Credentials): Dispatcher {
  const tls = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(serverName === null ? {} : { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  };
  const tcp = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, timeout: CONNECT_MS };
  if (proxyUrl !== null) return new ProxyAgent({ uri: proxyUrl, requestTls: tls, allowH2: false });
  return new Agent({ allowH2: false, pipelining: 1, connect: { ...tls, ...tcp } });
}

/** Whether a connection that stood has ended without an answer. */
function connectionEnded(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function headersOf({ body, contentType, accept = 'application/json' }: ApiRequest): Record<string, string> {
  const headers: Record<string, string> = { accept, 'user-agent': USER_AGENT };
  if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
  return headers;
}

function definedOnly(query: QueryParameters): Record<string, string> {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

async function readStatus(body: Dispatcher.ResponseData['body']): Promise<unknown> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > MAX_ERROR_BYTES) break;
    }
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether to look at the object again, because someone else has changed it meanwhile. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}
