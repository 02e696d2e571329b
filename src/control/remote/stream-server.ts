import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopback } from '../../lib/loopback.ts';
import type { ControlLog } from '../log.ts';
import { type Authenticator, bearerToken } from './authenticator.ts';
import type { DataPlanes } from './data-planes.ts';
import type { Journal } from './journal.ts';
import {
  HEADERS,
  type Position,
  STREAM_PATH,
  STREAM_PROTOCOL,
  type StreamTiming,
  TIMING,
} from './protocol.ts';
import { Session } from './session.ts';

/** PEM texts of the certificate that is shown to data planes, and of its key. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface StreamServerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** null: plain text, on a loopback address only; `later`: nobody gets in before there is one. */
  readonly certificate: ServerCertificate | 'later' | null;
  readonly authenticate: Authenticator;
  readonly version: string;
  readonly timing?: StreamTiming;
  /** A data plane comes anew after so long: with its token of then, and maybe to another replica. */
  readonly maxAgeMs?: number;
  readonly log: ControlLog;
}

const MAX_CONNECTIONS = 1_024;
/** Questions about tokens that wait for an answer. */
const MAX_AUTHENTICATING = 32;
const HEAD_MS = 5_000;
const MAX_AGE_MS = 3_600_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** What is told, and who is told. */
export interface StreamContent {
  readonly journal: Journal;
  readonly dataPlanes: DataPlanes;
}

interface Refusal {
  readonly status: number;
  readonly detail: string;
}

/** Who asks for the stream, and from where it goes on. */
interface Request {
  readonly name: string;
  readonly instance: string;
  readonly from: Position | null;
  readonly token: string;
}

/** Where data planes that run apart get their tables. It answers nothing else, and nobody without a token. */
export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #server: Server | TlsServer;
  readonly #sessions = new Map<string, Session>();
  readonly #sockets = new Set<Duplex>();
  #content: StreamContent | null = null;
  #authenticating = 0;
  #fullStates = 0;
  #closing = false;

  /** @throws Error when the certificate can't be used, or plain text is asked for beyond loopback. */
  constructor(options: StreamServerOptions) {
    this.#options = options;
    const limits = { headersTimeout: HEAD_MS, requestTimeout: HEAD_MS, maxHeaderSize: 16_384 };
    const { certificate, address } = options;
    if (certificate === null && !isLoopback(address))
      throw new Error(
        `${address} is no loopback address: tables are sent in plain text to this machine only`,
      );
    this.#server =
      certificate === null
        ? createPlainServer(limits)
        : createTlsServer({
            ...limits,
            ...(certificate === 'later' ? {} : certificate),
            minVersion: 'TLSv1.3',
            handshakeTimeout: HEAD_MS,
          });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (_request, response) => {
      response.writeHead(426, { upgrade: STREAM_PROTOCOL, connection: 'close' }).end();
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => {});
      void this.#upgrade(request, socket);
    });
  }

  /** @throws Error when the address can't be listened on. */
  async listen(): Promise<{ readonly address: string; readonly port: number }> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host: this.#options.address, port: this.#options.port }, resolve);
    await promise;
    this.#server.off('error', reject);
    const { address, port } = this.#server.address() as AddressInfo;
    return { address, port };
  }

  /**
   * There is a table to tell: one that the source has told in this run. Before, data planes are sent away: what they
   * have may be newer than what this controller remembers.
   */
  begin(content: StreamContent): void {
    this.#content = content;
  }

  /** For connections that are made from now on. */
  setCertificate(certificate: ServerCertificate): void {
    if ('setSecureContext' in this.#server)
      this.#server.setSecureContext({ ...certificate, minVersion: 'TLSv1.3' });
  }

  /** Data planes that are connected. */
  get connected(): number {
    return this.#sessions.size;
  }

  /** Full states that were sent. */
  get fullStates(): number {
    return [...this.#sessions.values()].reduce((sum, one) => sum + one.fullStates, this.#fullStates);
  }

  /** Bytes that wait in the sockets of all data planes. */
  get waitingBytes(): number {
    return [...this.#sessions.values()].reduce((sum, one) => sum + one.waitingBytes, 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of [...this.#sessions.values()]) session.close('the controller ends');
    // What they were told last has left by then, or goes to someone who does not read.
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 500);
    await closed;
    clearTimeout(late);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex): Promise<void> {
    const asked = this.#read(request);
    if ('status' in asked) return refuse(socket, asked);
    const identity = await this.#authenticate(asked.token);
    if (socket.destroyed || this.#closing || this.#content === null) return void socket.destroy();
    if ('status' in identity) {
      this.#options.log.warn(
        { event: 'dataPlaneRefused', dataPlane: asked.name, error: identity.detail },
        'a data plane was refused',
      );
      return refuse(socket, identity);
    }
    const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${STREAM_PROTOCOL}\r\n\r\n`;
    socket.write(head);
    this.#follow({ ...asked, name: identity.name ?? asked.name }, socket, this.#content);
  }

  #read({ method, url, headers }: IncomingMessage): Request | Refusal {
    const { version } = this.#options;
    if (method !== 'GET' || url !== STREAM_PATH || headers.upgrade !== STREAM_PROTOCOL)
      return { status: 404, detail: `tables are at ${STREAM_PATH}, by an upgrade to ${STREAM_PROTOCOL}` };
    const token = bearerToken(headers.authorization);
    if (token === null) return { status: 401, detail: 'there is no bearer token' };
    const theirs = headers[HEADERS.version];
    if (theirs !== version)
      return { status: 409, detail: `the controller is version ${version}, the data plane ${theirs}` };
    const [name, instance] = [headers[HEADERS.name], headers[HEADERS.instance]];
    if (typeof name !== 'string' || typeof instance !== 'string' || !NAME.test(name) || !NAME.test(instance))
      return { status: 400, detail: `${HEADERS.name} and ${HEADERS.instance} must be names` };
    if (this.#content === null)
      return { status: 503, detail: 'the controller does not know its resources yet' };
    const epoch = headers[HEADERS.epoch];
    const sequence = Number(headers[HEADERS.sequence]);
    const from = typeof epoch === 'string' && Number.isSafeInteger(sequence) ? { epoch, sequence } : null;
    return { name, instance, token, from };
  }

  async #authenticate(token: string): Promise<{ readonly name: string | null } | Refusal> {
    if (this.#authenticating >= MAX_AUTHENTICATING)
      return { status: 503, detail: 'too many data planes ask at once' };
    this.#authenticating += 1;
    try {
      const identity = await this.#options.authenticate(token);
      return identity.ok ? identity : { status: 403, detail: identity.reason };
    } catch (error) {
      return { status: 503, detail: `the token could not be checked: ${(error as Error).message}` };
    } finally {
      this.#authenticating -= 1;
    }
  }

  #follow({ name, instance, from }: Request, socket: Duplex, { journal, dataPlanes }: StreamContent): void {
    const { log, timing = TIMING, maxAgeMs = MAX_AGE_MS } = this.#options;
    this.#sessions.get(instance)?.close('it has connected anew');
    dataPlanes.joined(instance, name);
    const session: Session = new Session(socket, journal, from, timing, {
      acknowledged: (generation, failures) => dataPlanes.acknowledged(instance, generation, failures),
      ended: (reason, leaving) => {
        clearTimeout(age);
        this.#fullStates += session.fullStates;
        this.#sessions.delete(instance);
        dataPlanes.lost(instance, leaving);
        log.info({ event: 'dataPlaneLost', dataPlane: name, reason, leaving }, 'a data plane is gone');
      },
    });
    const age = setTimeout(
      () => session.close('it is asked to come anew'),
      maxAgeMs * (0.9 + Math.random() * 0.2),
    );
    age.unref();
    this.#sessions.set(instance, session);
    log.info(
      { event: 'dataPlaneJoined', dataPlane: name, resumed: session.fullStates === 0 },
      'a data plane follows',
    );
  }
}

function refuse(socket: Duplex, { status, detail }: Refusal): void {
  const body = JSON.stringify({ type: 'about:blank', status, detail });
  const challenge = status === 401 ? 'WWW-Authenticate: Bearer\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${challenge}Connection: close\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
