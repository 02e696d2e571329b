import net from 'node:net';

/** What happens to what comes back through a {@link FaultLink}. */
export type LinkFault =
  | { readonly kind: 'none' }
  /** Every piece comes so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Nothing passes, and nothing ends. */
  | { readonly kind: 'hang' }
  /** Bytes that nobody asked for, in place of each piece. */
  | { readonly kind: 'garbage'; readonly bytes: string }
  /** Connections are reset as soon as something is sent. */
  | { readonly kind: 'reset' }
  /** Each piece comes a byte at a time. */
  | { readonly kind: 'dribble' };

/** A TCP connection to a server on this machine that the test can spoil, and mend. */
export class FaultLink {
  fault: LinkFault = { kind: 'none' };
  /** Connections that were ever made. */
  accepted = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(target: number) {
    this.#server = net.createServer({ noDelay: true }, (client) => this.#relay(client, target));
  }

  static async to(target: number): Promise<FaultLink> {
    const link = new FaultLink(target);
    await new Promise<void>((resolve, reject) => {
      link.#server.once('error', reject);
      link.#server.listen(0, '127.0.0.1', resolve);
    });
    return link;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #relay(client: net.Socket, target: number): void {
    this.accepted++;
    const server = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (piece) => {
      if (this.fault.kind === 'reset') client.resetAndDestroy();
      else server.write(piece);
    });
    server.on('data', (piece: Buffer) => this.#back(client, piece));
  }

  #back(client: net.Socket, piece: Buffer): void {
    switch (this.fault.kind) {
      case 'none':
        client.write(piece);
        return;
      case 'delay':
        this.#later(this.fault.ms, () => client.write(piece));
        return;
      case 'garbage':
        client.write(this.fault.bytes, 'latin1');
        return;
      case 'dribble':
        for (const [at, byte] of piece.entries()) this.#later(at, () => client.write(Buffer.of(byte)));
        return;
      case 'hang':
      case 'reset':
    }
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }
}
