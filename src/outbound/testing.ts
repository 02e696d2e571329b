import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a test's provider does with one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server whose behaviour a test changes while it runs; it counts what it is asked. */
export class TestProvider {
  handler: Handler;
  /** Paths with query, in the order in which they came. */
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(handler: Handler) {
    this.handler = handler;
    this.#server = createServer((request, response) => {
      this.asked.push(request.url ?? '');
      this.handler(request, response);
    });
  }

  static async start(handler: Handler): Promise<TestProvider> {
    const provider = new TestProvider(handler);
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends every connection, also those that are answered. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
}

/** Takes the request and never answers. */
export const hanging: Handler = () => undefined;

/** A head, then bytes without end, as fast as they are taken. */
export const endless: Handler = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const fill = (): void => {
    while (!response.destroyed && response.write(chunk)) {}
  };
  response.on('drain', fill);
  response.on('error', () => undefined);
  fill();
};

/** A head and half a body, then nothing. */
export const stalling: Handler = (_, response) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('{"keys":');
};
