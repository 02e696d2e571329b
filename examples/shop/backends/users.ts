import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { createBackend, sendJson } from './http.ts';

interface User {
  readonly id: number;
  readonly name: string;
}

const SLOW_MS = 5_000;

/** `/users`, `/users/ID`, `/slow`, which takes five seconds, and a WebSocket at `/chat` that echoes. */
export function usersBackend(): Server {
  const users = new Map<number, User>([
    [1, { id: 1, name: 'Ada' }],
    [2, { id: 2, name: 'Grace' }],
  ]);

  const add = async (request: IncomingMessage, response: ServerResponse) => {
    let body: unknown;
    try {
      body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    } catch {
      return sendJson(response, 400, { error: 'the body is not JSON' });
    }
    const name = String((body as { name?: unknown } | null)?.name ?? 'nobody');
    const user = { id: users.size + 1, name };
    users.set(user.id, user);
    sendJson(response, 201, user);
  };

  const server = createBackend({
    users(request, response, id) {
      if (request.method === 'POST') return void add(request, response);
      if (id === '') return sendJson(response, 200, [...users.values()]);
      const user = users.get(Number(id));
      if (user === undefined) return sendJson(response, 404, { error: `there is no user ${id}` });
      // What the gateway told us about the request.
      const { 'x-request-id': requestId, 'x-forwarded-for': client } = request.headers;
      sendJson(response, 200, { ...user, requestId, client });
    },
    slow(_request, response) {
      const timer = setTimeout(() => sendJson(response, 200, { report: 'done' }), SLOW_MS);
      response.once('close', () => clearTimeout(timer));
    },
  });

  const chat = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/chat')
      return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    chat.handleUpgrade(request, socket, head, (client) => {
      client.send('Say something, and it comes back.');
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
    });
  });
  return server;
}
