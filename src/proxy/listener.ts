import { createServer, type Server, type Socket } from 'node:net';
import type { ListenerIr } from '../ir/settings.ts';
import type { ListenerMetrics } from '../observe/thread-metrics.ts';
import { ClientConnection, type ClientConnectionOwner } from './client/connection.ts';
import type { ThreadContext } from './context.ts';
import type { ExchangePool } from './exchange/pool.ts';
import { adopt, SERVER_OPTIONS } from './socket.ts';

const BACKLOG = 4096;
const MAPPED_IPV4 = '::ffff:';

/** One listener on one thread: accepts connections and knows them all. */
export class Listener implements ClientConnectionOwner {
  readonly context: ThreadContext;
  readonly name: string;
  readonly metrics: ListenerMetrics;
  readonly exchanges: ExchangePool;
  readonly #ir: ListenerIr;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();

  constructor(ir: ListenerIr, context: ThreadContext, exchanges: ExchangePool) {
    this.#ir = ir;
    this.name = ir.name;
    this.context = context;
    this.exchanges = exchanges;
    this.metrics = context.metrics.listener(ir.name);
    this.#server = createServer(SERVER_OPTIONS, (socket) => this.#accept(socket));
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** The port that it listens on. All threads of the program listen on the same one (`SO_REUSEPORT`). */
  listen(): Promise<number> {
    const { address, port } = this.#ir;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, backlog: BACKLOG, reusePort: true }, () => {
        this.#server.off('error', reject);
        // EMFILE and its like: the connection is lost, the listener goes on.
        this.#server.on('error', (error) =>
          this.context.log('error', `listener ${this.name}: ${error.message}`),
        );
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  /** Accepts no more. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Closes the connections that have no request under way. */
  closeIdle(): void {
    for (const connection of this.#connections) if (connection.idle) connection.close();
  }

  /** Cuts what is left; returns how many requests that cost. */
  destroyAll(): number {
    let aborted = 0;
    for (const connection of this.#connections) {
      if (connection.serving) aborted++;
      connection.destroy();
    }
    return aborted;
  }

  onConnectionClosed(connection: ClientConnection): void {
    if (this.#connections.delete(connection)) this.metrics.connectionsOpen.add(-1);
  }

  /** A fault of ours costs this connection, never the thread and the others on it. */
  #read(connection: ClientConnection, buf: Buffer, length: number): void {
    try {
      connection.onRead(buf, length);
    } catch (error) {
      this.context.onFault(error);
      connection.destroy();
    }
  }

  #accept(accepted: Socket): void {
    this.metrics.connectionsAccepted.add(1);
    if (this.#connections.size >= this.context.settings.limits.maxConnections) {
      accepted.destroy();
      return;
    }
    const peer = { address: plainAddress(accepted.remoteAddress ?? ''), port: accepted.remotePort ?? 0 };
    const socket = adopt(accepted, (buf, length) => this.#read(connection, buf, length));
    const connection: ClientConnection = new ClientConnection(this, socket, peer);
    this.#connections.add(connection);
    this.metrics.connectionsOpen.add(1);
  }
}

/** An IPv4 client of a dual-stack socket is an IPv4 client. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED_IPV4) && address.includes('.')
    ? address.slice(MAPPED_IPV4.length)
    : address;
}
