import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { NodeOutcome } from './node-server.ts';
import type { Message } from './run-codec.ts';

interface Response {
  statusCode: number;
  statusMessage: string;
  rawHeaders: string[];
}

function messageOf(response: Response): Message {
  const raw = response.rawHeaders;
  return {
    start: `${response.statusCode} ${response.statusMessage}`,
    fields: Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!]),
    body: '',
    complete: false,
  };
}

/** Node's own HTTP client, strict, as the oracle for responses: a bare server answers it with given bytes. */
export class NodeClient {
  readonly #server: Server = createServer({ allowHalfOpen: true });
  #bytes: Buffer = Buffer.alloc(0);

  async listen(): Promise<void> {
    this.#server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(this.#bytes));
      socket.resume();
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** What Node reads when one request of that method is answered with the bytes. One at a time. */
  read(bytes: Buffer, method: string): Promise<NodeOutcome> {
    this.#bytes = bytes;
    const outcome: NodeOutcome = { messages: [], trailers: [], error: null };
    const { promise, resolve } = Promise.withResolvers<NodeOutcome>();
    const { port } = this.#server.address() as AddressInfo;
    const client = request({ port, host: '127.0.0.1', method, agent: false, insecureHTTPParser: false });
    client.on('information', (info) => {
      outcome.messages.push({ ...messageOf(info), complete: true });
    });
    client.on('upgrade', (response: IncomingMessage, socket) => {
      outcome.messages.push({ ...messageOf(response as IncomingMessage & Response), complete: true });
      socket.destroy();
    });
    client.on('response', (response) => this.#record(response as IncomingMessage & Response, outcome));
    client.on('error', (error: NodeJS.ErrnoException) => {
      outcome.error = error.code ?? error.message;
    });
    client.on('close', () => resolve(outcome));
    client.end();
    return promise;
  }

  #record(response: IncomingMessage & Response, outcome: NodeOutcome): void {
    const message = messageOf(response);
    outcome.messages.push(message);
    response.on('data', (data: Buffer) => {
      message.body += data.toString('latin1');
    });
    response.on('end', () => {
      message.complete = response.complete;
    });
    response.on('error', () => {});
  }
}
