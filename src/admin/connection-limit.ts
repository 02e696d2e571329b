import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** From a request's head to the last byte of its answer. */
  readonly responseMs: number;
}

/**
 * Keeps slow or many clients from taking the admin server away: beyond the limit the connection that has been
 * open longest is closed for the new one (so a probe always gets through), and an answer that is not taken
 * in time ends its connection.
 */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  /** Oldest first. */
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size <= limits.maxConnections) return;
    const [oldest] = open;
    if (oldest === undefined) return;
    open.delete(oldest);
    oldest.destroy();
  });
  server.on('request', (_request, response: ServerResponse) => {
    const timer = setTimeout(() => response.destroy(), limits.responseMs);
    timer.unref();
    response.once('close', () => clearTimeout(timer));
  });
}
