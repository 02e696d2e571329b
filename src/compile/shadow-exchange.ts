import type { Duplex } from 'node:stream';
import type { BodyTap, MessageBody, ResponseBody } from '../pipeline/body.ts';
import type {
  BackendAnswer,
  ClientInfo,
  Exchange,
  HeaderFields,
  RequestFields,
  ResponseFields,
} from '../pipeline/exchange.ts';
import type { Reply } from '../pipeline/reply.ts';
import type { Slot } from '../pipeline/slot.ts';

/**
 * One request as a policy in shadow mode sees it: everything as it is, as the policies that act left it. What the policy
 * changes goes nowhere and is not seen by it either; what it remembers, it alone can read: an identity that it found
 * lets nobody in.
 */
export class ShadowExchange implements Exchange {
  /** It tried to change the request or its answer. */
  edited = false;
  /** Status of the answer that it would have given itself; 0: none. */
  status = 0;
  threw = false;
  readonly request: RequestFields;
  readonly response: ResponseFields;
  readonly #x: Exchange;
  readonly #own = new Map<number, unknown>();

  constructor(x: Exchange) {
    this.#x = x;
    this.request = new ShadowRequest(x.request, this);
    this.response = new ShadowResponse(x, this);
  }

  get requestId(): string {
    return this.#x.requestId;
  }
  get generation(): number {
    return this.#x.generation;
  }
  get routeKey(): string {
    return this.#x.routeKey;
  }
  get ruleName(): string {
    return this.#x.ruleName;
  }
  get pattern(): string {
    return this.#x.pattern;
  }
  get client(): ClientInfo {
    return this.#x.client;
  }
  get startedAtMs(): number {
    return this.#x.startedAtMs;
  }
  get signal(): AbortSignal {
    return this.#x.signal;
  }

  /** The backend sees nothing of a shadow. */
  askBackend(): Promise<BackendAnswer | null> {
    return Promise.resolve(null);
  }

  get<T>(slot: Slot<T>): T | undefined {
    return this.#own.has(slot.index) ? (this.#own.get(slot.index) as T) : this.#x.get(slot);
  }

  set<T>(slot: Slot<T>, value: T): void {
    this.#own.set(slot.index, value);
  }
}

class ShadowFields<F extends HeaderFields> implements HeaderFields {
  protected readonly fields: () => F;
  protected readonly shadow: ShadowExchange;

  constructor(fields: () => F, shadow: ShadowExchange) {
    this.fields = fields;
    this.shadow = shadow;
  }

  header(name: string): string | null {
    return this.fields().header(name);
  }
  headerLines(name: string): readonly string[] {
    return this.fields().headerLines(name);
  }
  headerEntries(): readonly (readonly [name: string, value: string])[] {
    return this.fields().headerEntries();
  }
  setHeader(name: string, value: string): void {
    const lines = this.fields().headerLines(name);
    if (lines.length !== 1 || lines[0] !== value) this.shadow.edited = true;
  }
  addHeader(): void {
    this.shadow.edited = true;
  }
  removeHeader(name: string): void {
    if (this.fields().headerLines(name).length > 0) this.shadow.edited = true;
  }
  removeHeaders(names: readonly string[]): void {
    for (const name of names) this.removeHeader(name);
  }
}

/** A body that can be read, and stays what it is. */
class ShadowBody implements MessageBody {
  protected readonly body: () => MessageBody;
  readonly #shadow: ShadowExchange;

  constructor(body: () => MessageBody, shadow: ShadowExchange) {
    this.body = body;
    this.#shadow = shadow;
  }

  get length(): number | null {
    return this.body().length;
  }
  read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null> {
    return this.body().read(maxBytes);
  }
  replace(): void {
    this.#shadow.edited = true;
  }
  transform(stream: Duplex): void {
    this.#shadow.edited = true;
    stream.destroy();
  }
}

class ShadowAnswerBody extends ShadowBody implements ResponseBody {
  readonly #response: () => ResponseFields;

  constructor(response: () => ResponseFields, shadow: ShadowExchange) {
    super(() => response().body, shadow);
    this.#response = response;
  }

  /** An answer that streams is not held back for a shadow: it is too large for it, whatever its length. */
  override read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null> {
    return this.#response().madeHere ? super.read(maxBytes) : null;
  }
  tap(tap: BodyTap): void {
    this.#response().body.tap(tap);
  }
}

class ShadowRequest extends ShadowFields<RequestFields> implements RequestFields {
  readonly body: MessageBody;
  readonly #request: RequestFields;

  constructor(request: RequestFields, shadow: ShadowExchange) {
    super(() => request, shadow);
    this.#request = request;
    this.body = new ShadowBody(() => request.body, shadow);
  }

  get method(): string {
    return this.#request.method;
  }
  get target(): string {
    return this.#request.target;
  }
  get protocol(): RequestFields['protocol'] {
    return this.#request.protocol;
  }
  get scheme(): 'http' | 'https' {
    return this.#request.scheme;
  }
  get host(): string {
    return this.#request.host;
  }
  get path(): string {
    return this.#request.path;
  }
  get query(): string {
    return this.#request.query;
  }
  queryParam(name: string): string | null {
    return this.#request.queryParam(name);
  }
  cookie(name: string): string | null {
    return this.#request.cookie(name);
  }
  setPath(path: string): void {
    if (path !== this.#request.path) this.shadow.edited = true;
  }
  setQuery(query: string): void {
    if (query !== this.#request.query) this.shadow.edited = true;
  }
}

class ShadowResponse extends ShadowFields<ResponseFields> implements ResponseFields {
  readonly body: ResponseBody;

  constructor(x: Exchange, shadow: ShadowExchange) {
    super(() => x.response, shadow);
    this.body = new ShadowAnswerBody(() => x.response, shadow);
  }

  get status(): number {
    return this.fields().status;
  }
  get madeHere(): boolean {
    return this.fields().madeHere;
  }
  setStatus(status: number): void {
    if (status !== this.fields().status) this.shadow.edited = true;
  }
  replace({ status }: Reply): void {
    this.shadow.status = status;
  }
}
