import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A path is one or two segments; what stands for the second is handed to the handler, empty when there is none. */
export type Handler = (request: IncomingMessage, response: ServerResponse, rest: string) => void;

/** A server that picks a handler by the first segment of the path; anything else is 404. Not listening yet. */
export function createBackend(handlers: Readonly<Record<string, Handler>>): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://backend');
    const [first = '', ...rest] = pathname.slice(1).split('/');
    const handler = Object.hasOwn(handlers, first) ? handlers[first] : undefined;
    if (handler === undefined) sendJson(response, 404, { error: 'not found', path: pathname });
    else handler(request, response, rest.join('/'));
  });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** Resolves when it listens on 127.0.0.1. */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
