import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { IrDelta } from '../ir/gateway.ts';
import type { ListenerIr } from '../ir/settings.ts';
import type { ListenerMetrics } from '../observe/thread-metrics.ts';
import type { TicketKeys } from '../state/ticket-keys.ts';
import { ClientConnection, type ClientConnectionOwner } from './client/connection.ts';
import { type ClientTransport, PLAIN_TRANSPORT } from './client/transport.ts';
import type { ThreadContext } from './context.ts';
import type { ExchangePool } from './exchange/pool.ts';
import { adopt, SERVER_OPTIONS } from './socket.ts';
import type { CertificateSet } from './tls/certificate-set.ts';
import type { HandshakeFailure } from './tls/failure.ts';
import { type HandshakeOwner, TlsHandshake } from './tls/handshake.ts';
import { type ListenerTls, listenerTls } from './tls/listener-tls.ts';

const BACKLOG = 4096;
const MAPPED_IPV4 = '::ffff:';

/** A connection that has just become secure was opened for a request: it is on its way for so long. */
const FRESH_MS = 250;

/** One listener on one thread: accepts connections and knows them all. */
export class Listener implements ClientConnectionOwner, HandshakeOwner {
  readonly context: ThreadContext;
  readonly name: string;
  readonly metrics: ListenerMetrics;
  readonly exchanges: ExchangePool;
  readonly #ir: ListenerIr;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  readonly #handshakes = new Set<TlsHandshake>();
  readonly #tls: ListenerTls | null;

  constructor(ir: ListenerIr, context: ThreadContext, exchanges: ExchangePool, ticketKeys: TicketKeys) {
    this.#ir = ir;
    this.name = ir.name;
    this.context = context;
    this.exchanges = exchanges;
    this.metrics = context.metrics.listener(ir.name);
    this.#tls = ir.transport.kind === 'tls' ? listenerTls(ir.name, ir.transport, context, ticketKeys) : null;
    this.#server = createServer(SERVER_OPTIONS, (socket) => this.#accept(socket));
  }

  get openConnections(): number {
    return this.#connections.size + this.#handshakes.size;
  }

  get certificates(): CertificateSet {
    return this.#tls!.certificates;
  }

  /** Takes the certificates among the secrets that have changed. */
  applySecrets(delta: Pick<IrDelta, 'upsertSecrets' | 'removeSecrets'>): void {
    this.#tls?.certificates.apply(delta.upsertSecrets, delta.removeSecrets);
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
    const freshSinceMs = this.context.wheel.nowMs - FRESH_MS;
    for (const connection of this.#connections) {
      const isFresh = connection.requests === 0 && connection.openedAtMs > freshSinceMs;
      if (connection.idle && !isFresh) connection.close();
    }
    for (const handshake of this.#handshakes) if (handshake.idle) handshake.destroy();
  }

  /** Cuts what is left; returns how many requests that cost. */
  destroyAll(): number {
    let aborted = 0;
    for (const connection of this.#connections) {
      if (connection.serving) aborted++;
      connection.destroy();
    }
    for (const handshake of this.#handshakes) handshake.destroy();
    return aborted;
  }

  onConnectionClosed(connection: ClientConnection): void {
    if (this.#connections.delete(connection)) this.metrics.connectionsOpen.add(-1);
  }

  onSecure(handshake: TlsHandshake, socket: TLSSocket, transport: ClientTransport): void {
    this.#handshakes.delete(handshake);
    this.#tls!.onSecure(transport.tls!.version, socket.isSessionReused());
    const connection: ClientConnection = new ClientConnection(this, socket, peerOf(socket), transport);
    this.#connections.add(connection);
    socket.on('data', (chunk: Buffer) => this.#read(connection, chunk, chunk.length));
  }

  onHandshakeFailed(handshake: TlsHandshake, reason: HandshakeFailure | null): void {
    if (!this.#handshakes.delete(handshake)) return;
    this.metrics.connectionsOpen.add(-1);
    if (reason !== null) this.#tls!.onFailure(reason);
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
    if (this.openConnections >= this.context.settings.limits.maxConnections) {
      accepted.destroy();
      return;
    }
    this.metrics.connectionsOpen.add(1);
    if (this.#tls !== null) {
      this.#handshakes.add(new TlsHandshake(this, accepted));
      return;
    }
    const peer = peerOf(accepted);
    const socket = adopt(accepted, (buf, length) => this.#read(connection, buf, length));
    const connection: ClientConnection = new ClientConnection(this, socket, peer, PLAIN_TRANSPORT);
    this.#connections.add(connection);
  }
}

function peerOf(socket: Socket): { address: string; port: number } {
  return { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
}

/** An IPv4 client of a dual-stack socket is an IPv4 client. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED_IPV4) && address.includes('.')
    ? address.slice(MAPPED_IPV4.length)
    : address;
}
