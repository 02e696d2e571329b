import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Message } from './run-codec.ts';

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!]);
}

/** What a parser of Node made of bytes: `rawTrailers` of the last message are kept as well. */
export interface NodeOutcome {
  messages: Message[];
  trailers: [string, string][];
  error: string | null;
}

/** Node's own HTTP server, strict, as the oracle for requests. */
export class NodeServer {
  readonly #server: Server;
  readonly #outcomes = new Map<Socket, NodeOutcome>();

  constructor() {
    this.#server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: 65_536,
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#outcomes.set(socket, { messages: [], trailers: [], error: null });
    });
    const answer = (request: IncomingMessage, response: { end(): void }) => {
      this.#record(request);
      request.on('end', () => response.end());
    };
    this.#server.on('request', answer);
    this.#server.on('checkContinue', answer);
    this.#server.on('checkExpectation', answer);
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#record(request).complete = true;
      socket.end();
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const outcome = this.#outcomes.get(socket as Socket);
      if (outcome !== undefined) outcome.error = error.code ?? error.message;
      // What was complete before the fault is still to be delivered.
      setImmediate(() => socket.destroy());
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Sends the bytes over a connection of their own, ends it and waits until the server is done with it. */
  async read(bytes: Buffer): Promise<NodeOutcome> {
    const client = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await once(this.#server, 'connection')) as [Socket];
    const closed = once(socket, 'close');
    client.on('error', () => {});
    client.resume();
    client.end(bytes);
    await closed;
    client.destroy();
    const outcome = this.#outcomes.get(socket)!;
    this.#outcomes.delete(socket);
    return outcome;
  }

  #record(request: IncomingMessage): Message {
    const outcome = this.#outcomes.get(request.socket)!;
    const message: Message = {
      start: `${request.method} ${request.url}`,
      fields: pairs(request.rawHeaders),
      body: '',
      complete: false,
    };
    outcome.messages.push(message);
    request.on('data', (data: Buffer) => {
      message.body += data.toString('latin1');
    });
    request.on('end', () => {
      message.complete = request.complete;
      outcome.trailers = pairs(request.rawTrailers);
    });
    request.on('error', () => {});
    return message;
  }
}
