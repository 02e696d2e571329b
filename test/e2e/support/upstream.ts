import net from 'node:net';
import { headerOf, type ParsedMessage, parseMessage } from './http-text.ts';
import { sleep, until } from './wait.ts';

/** A request as it reached the backend. */
export class UpstreamRequest {
  readonly connection: UpstreamConnection;
  readonly head: ParsedMessage;
  /** Offset in the connection's bytes. */
  readonly from: number;

  constructor(connection: UpstreamConnection, head: ParsedMessage, from: number) {
    this.connection = connection;
    this.head = head;
    this.from = from;
  }

  get method(): string {
    return this.head.startLine.split(' ')[0]!;
  }
  get target(): string {
    return this.head.startLine.split(' ')[1]!;
  }
  header(name: string): string | null {
    return headerOf(this.head, name);
  }
  /** The message as far as it has come. */
  get message(): ParsedMessage {
    return parseMessage(this.connection.text, this.from, () => false, false)!;
  }
  get body(): string {
    return this.message.body;
  }
  /** Waits for the last byte of the request. @throws Error when the connection ended first */
  async whole(): Promise<ParsedMessage> {
    await until(() => this.message.complete || this.connection.closed, 'the request is complete');
    if (!this.message.complete) throw new Error('the connection ended within the request');
    return this.message;
  }
}

export class UpstreamConnection {
  readonly socket: net.Socket;
  readonly requests: UpstreamRequest[] = [];
  /** The gateway has finished sending, or is gone. */
  ended = false;
  closed = false;
  #chunks: Buffer[] = [];
  #text = '';
  #parsed = 0;

  constructor(socket: net.Socket) {
    this.socket = socket;
  }

  /** Every byte that came, one character a byte. */
  get text(): string {
    if (this.#chunks.length > 0) {
      this.#text += Buffer.concat(this.#chunks).toString('latin1');
      this.#chunks = [];
    }
    return this.#text;
  }

  /** Takes bytes; returns the request whose head they completed. */
  take(chunk: Buffer): UpstreamRequest[] {
    this.#chunks.push(chunk);
    const fresh: UpstreamRequest[] = [];
    for (;;) {
      const last = this.requests.at(-1);
      if (last !== undefined) {
        const { complete, end } = last.message;
        if (!complete) break;
        this.#parsed = end;
      }
      const message = parseMessage(this.text, this.#parsed, () => false, false);
      if (message === null) break;
      const request = new UpstreamRequest(this, message, this.#parsed);
      this.requests.push(request);
      fresh.push(request);
    }
    return fresh;
  }

  write(bytes: string): void {
    if (this.socket.writable) this.socket.write(bytes, 'latin1');
  }
}

export type UpstreamScript = (
  request: UpstreamRequest,
  connection: UpstreamConnection,
) => void | Promise<void>;

/** `HTTP/1.1 200 OK` with that body and its length. */
export function ok(body = 'ok', ...lines: string[]): string {
  return ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');
}

/** Answers 200 when the request is complete. */
export function answering(body = 'ok', ...lines: string[]): UpstreamScript {
  return async (request, connection) => {
    await request.whole();
    connection.write(ok(body, ...lines));
  };
}

/** What a backend does, one after another. */
export type Step = string | { readonly pauseMs: number } | 'END' | 'RESET';

/** Plays its steps when the request is complete. */
export function playing(...steps: readonly Step[]): UpstreamScript {
  return async (request, connection) => {
    await request.whole();
    await play(connection, steps);
  };
}

export async function play(connection: UpstreamConnection, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step === 'END') connection.socket.end();
    else if (step === 'RESET') connection.socket.resetAndDestroy();
    else if (typeof step === 'string') connection.write(step);
    else await sleep(step.pauseMs);
  }
}

/** A backend on a raw socket: it keeps exactly the bytes that reached it and answers by script. */
export class RecordingUpstream {
  readonly connections: UpstreamConnection[] = [];
  /** In the order in which they came. */
  readonly requests: UpstreamRequest[] = [];
  script: UpstreamScript;
  readonly #server: net.Server;

  private constructor(script: UpstreamScript) {
    this.script = script;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(script: UpstreamScript = answering(), port = 0): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream(script);
    await new Promise<void>((resolve, reject) => {
      upstream.#server.once('error', reject);
      upstream.#server.listen(port, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  /** All bytes of all connections. */
  get text(): string {
    return this.connections.map((c) => c.text).join('');
  }
  get last(): UpstreamRequest {
    const last = this.requests.at(-1);
    if (last === undefined) throw new Error('no request reached the backend');
    return last;
  }
  async stop(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    const connection = new UpstreamConnection(socket);
    this.connections.push(connection);
    socket.on('data', (chunk: Buffer) => {
      for (const request of connection.take(chunk)) {
        this.requests.push(request);
        void this.#run(request, connection);
      }
    });
    socket.on('end', () => {
      connection.ended = true;
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connection.ended = true;
      connection.closed = true;
    });
  }

  async #run(request: UpstreamRequest, connection: UpstreamConnection): Promise<void> {
    try {
      await this.script(request, connection);
    } catch {
      // The gateway gave up on the request: the test looks at what was recorded.
      connection.socket.destroy();
    }
  }
}
