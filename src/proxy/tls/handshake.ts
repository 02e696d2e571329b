import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { problem } from '../../pipeline/reply.ts';
import { replyText } from '../client/refusal.ts';
import type { ClientTransport } from '../client/transport.ts';
import type { ThreadContext } from '../context.ts';
import { WheelNode } from '../wheel.ts';
import type { CertificateSet } from './certificate-set.ts';
import { readFirstBytes } from './client-hello.ts';
import { type HandshakeFailure, handshakeFailure } from './failure.ts';

/** Real ones have 2 KB, with a post-quantum key share. */
const MAX_HELLO_BYTES = 32 * 1024;
/** How long a client has to read why it is refused. */
const LINGER_MS = 2000;
const PROTOCOLS = ['http/1.1'];

/** What a listener lends to the handshakes on it. */
export interface HandshakeOwner {
  readonly context: ThreadContext;
  readonly certificates: CertificateSet;
  /** `socket` is for HTTP now. */
  onSecure(handshake: TlsHandshake, socket: TLSSocket, transport: ClientTransport): void;
  /** The connection is gone. @param reason null: nobody had begun one */
  onHandshakeFailed(handshake: TlsHandshake, reason: HandshakeFailure | null): void;
}

/**
 * `hello`    gathering the ClientHello, which says for which name; no state of OpenSSL exists
 * `keys`     OpenSSL does the rest
 * `refused`  plain HTTP was answered; waiting for the client to close
 * `done`     secure, or over
 */
type State = 'hello' | 'keys' | 'refused' | 'done';

/** A connection of a TLS listener until it is secure: it costs itself only, and no longer than the head time-out. */
export class TlsHandshake extends WheelNode {
  readonly #owner: HandshakeOwner;
  /** As accepted, then what OpenSSL makes of it. */
  #socket: Socket;
  #state: State = 'hello';
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** It is not looked at before there are so many. */
  #wantedBytes = 1;
  #serverName = '';
  #hasCertificate = true;

  /** @param accepted a paused one */
  constructor(owner: HandshakeOwner, accepted: Socket) {
    super();
    this.#owner = owner;
    this.#socket = accepted;
    accepted.setNoDelay(true);
    accepted
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose);
    const { wheel, settings } = owner.context;
    wheel.touch();
    wheel.arm(this, settings.timeouts.headMs);
    accepted.resume();
  }

  /** No byte of a handshake has come. */
  get idle(): boolean {
    return this.#state === 'hello' && this.#bytes === 0;
  }

  onDeadline(): void {
    this.#fail(this.idle ? null : 'timeout');
  }

  /** Cuts it. */
  destroy(): void {
    this.#fail(this.idle ? null : 'other');
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state !== 'hello') return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wantedBytes) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    const first = readFirstBytes(bytes);
    switch (first.kind) {
      case 'partial':
        this.#wantedBytes = first.bytes;
        if (first.bytes > MAX_HELLO_BYTES) this.#fail('malformed');
        return;
      case 'http':
        this.#refusePlainHttp();
        return;
      case 'hello':
        this.#serverName = first.serverName;
        this.#begin(bytes);
        return;
      case 'other':
        this.#begin(bytes);
    }
  };

  readonly #onEnd = (): void => {
    if (this.#state !== 'refused') this.#fail(this.idle ? null : 'closed');
    else this.#fail('plainHttp');
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#fail(this.idle ? null : handshakeFailure(error.code ?? '', this.#hasCertificate));
  };

  readonly #onClose = (): void => {
    this.#fail(this.idle ? null : 'closed');
  };

  /** Gives the connection to OpenSSL, with what came of it so far. */
  #begin(bytes: Buffer): void {
    const { certificates } = this.#owner;
    const raw = this.#socket;
    this.#state = 'keys';
    this.#chunks = [];
    this.#letGo(raw);
    raw.on('error', ignore);
    raw.pause();
    raw.unshift(bytes);
    const certificate = certificates.choose(this.#serverName);
    this.#hasCertificate = certificate !== null;
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: certificates.contextOf(certificate),
      ALPNProtocols: PROTOCOLS,
    });
    this.#socket = socket;
    socket
      .on('secure', this.#onSecure)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose);
  }

  readonly #onSecure = (): void => {
    if (this.#state === 'done') return;
    const socket = this.#socket as TLSSocket;
    const serverName = this.#serverName;
    const { certificates } = this.#owner;
    this.#end();
    socket.off('secure', this.#onSecure);
    this.#letGo(socket);
    this.#owner.onSecure(this, socket, {
      scheme: 'https',
      tls: {
        version: socket.getProtocol() ?? '',
        cipher: socket.getCipher().standardName,
        serverName,
      },
      covers: (host) => host === '' || certificates.covers(serverName, host),
    });
  };

  /** As the client asked: in plain text. It did not mean this port. */
  #refusePlainHttp(): void {
    const { context } = this.#owner;
    this.#state = 'refused';
    this.#chunks = [];
    const reply = problem(400, 'This port speaks HTTPS only.');
    this.#socket.end(replyText(reply, context.settings.serverHeader));
    context.wheel.arm(this, LINGER_MS);
  }

  #fail(reason: HandshakeFailure | null): void {
    if (this.#state === 'done') return;
    const isRefused = this.#state === 'refused';
    this.#end();
    this.#socket.destroy();
    this.#owner.onHandshakeFailed(this, isRefused ? 'plainHttp' : reason);
  }

  #end(): void {
    this.#state = 'done';
    this.#chunks = [];
    this.#owner.context.wheel.remove(this);
  }

  #letGo(socket: Socket): void {
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose);
  }
}

function ignore(): void {}
