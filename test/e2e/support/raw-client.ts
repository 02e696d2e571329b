import net from 'node:net';
import tls from 'node:tls';
import { cut } from '../../../src/proxy/socket.ts';
import { type ParsedResponse, parseResponses } from './http-text.ts';
import { tlsOfClients } from './transport.ts';
import { sleep, until } from './wait.ts';

/** How the connection ended as the client saw it; `open`: it did not. */
export type Ending = 'open' | 'end' | 'reset';

export interface ConnectOptions {
  readonly host?: string;
  /** Source address, to have more than 64 K ports or another client. */
  readonly localAddress?: string;
  /** Do not read until `resume`. */
  readonly paused?: boolean;
  /** Speak TLS, or (null) do not; whatever certificate is shown is taken. */
  readonly tls?: tls.ConnectionOptions | null;
}

/** A client that says exactly the bytes it is told to, and keeps exactly those that it gets. */
export class RawClient {
  readonly socket: net.Socket;
  /** Of the certificate that it was shown; empty without TLS. */
  fingerprint = '';
  ending: Ending = 'open';
  #chunks: Buffer[] = [];
  #text = '';

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('end', () => this.#ended('end'));
    socket.on('error', () => this.#ended('reset'));
    socket.on('close', (hadError) => this.#ended(hadError ? 'reset' : 'end'));
  }

  static connect(port: number, options: ConnectOptions = {}): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const clientTls = options.tls === undefined ? tlsOfClients() : options.tls;
      const where = {
        port,
        host: options.host ?? '127.0.0.1',
        allowHalfOpen: true,
        noDelay: true,
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      };
      const socket =
        clientTls === null
          ? net.connect(where)
          : tls.connect({ ...where, servername: 'shop.test', rejectUnauthorized: false, ...clientTls });
      const client = new RawClient(socket);
      if (options.paused === true) socket.pause();
      socket.once('error', reject);
      socket.once(clientTls === null ? 'connect' : 'secureConnect', () => {
        socket.off('error', reject);
        if (socket instanceof tls.TLSSocket) client.fingerprint = socket.getPeerCertificate().fingerprint256;
        resolve(client);
      });
    });
  }

  /** Bytes so far, one character a byte. */
  get text(): string {
    if (this.#chunks.length > 0) {
      this.#text += Buffer.concat(this.#chunks).toString('latin1');
      this.#chunks = [];
    }
    return this.#text;
  }

  responses(methods?: readonly string[]): ParsedResponse[] {
    return parseResponses(this.text, methods);
  }

  /** Writes after the end of the connection are dropped: the gateway may have refused already. */
  write(bytes: string | Uint8Array): boolean {
    if (this.socket.destroyed || !this.socket.writable) return true;
    return typeof bytes === 'string' ? this.socket.write(bytes, 'latin1') : this.socket.write(bytes);
  }

  /** One segment a piece, with a turn of the event loop between them. */
  async writePieces(pieces: Iterable<string>, pauseMs = 0): Promise<void> {
    for (const piece of pieces) {
      this.write(piece);
      await sleep(pauseMs);
    }
  }

  /** Waits for `count` complete final answers (1xx do not count). */
  async answers(count: number, methods?: readonly string[], deadlineMs?: number): Promise<ParsedResponse[]> {
    const finals = () => this.responses(methods).filter((r) => r.status >= 200 || r.status === 101);
    const done = () =>
      finals().filter((r) => r.complete || (r.untilClose && this.ending !== 'open')).length >= count ||
      this.ending !== 'open';
    await until(
      done,
      `${count} answers are there; got ${JSON.stringify(this.text.slice(0, 2000))}`,
      deadlineMs,
    );
    const got = finals();
    if (got.length < count)
      throw new Error(`${this.ending} after ${got.length} answers: ${JSON.stringify(this.text)}`);
    return got;
  }

  async answer(method = 'GET', deadlineMs?: number): Promise<ParsedResponse> {
    return (await this.answers(1, [method], deadlineMs))[0]!;
  }

  /** Waits until the gateway has closed its side. */
  async closed(deadlineMs?: number): Promise<Ending> {
    await until(
      () => this.ending !== 'open',
      `the gateway closes; got ${JSON.stringify(this.text.slice(0, 2000))}`,
      deadlineMs,
    );
    return this.ending;
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    cut(this.socket);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #ended(how: Ending): void {
    if (this.ending === 'open') this.ending = how;
  }
}

export interface RawAnswer {
  readonly text: string;
  readonly ending: Ending;
  /** Final answers only. */
  readonly responses: readonly ParsedResponse[];
}

/** Sends the bytes, waits until the gateway closes, and returns all that came back. */
export async function rawUntilClose(
  port: number,
  bytes: string | readonly string[],
  methods?: readonly string[],
): Promise<RawAnswer> {
  const client = await RawClient.connect(port);
  try {
    if (typeof bytes === 'string') client.write(bytes);
    else await client.writePieces(bytes);
    const ending = await client.closed();
    return { text: client.text, ending, responses: client.responses(methods).filter((r) => r.status >= 200) };
  } finally {
    client.destroy();
  }
}

/** One request on a connection of its own; returns its complete answer. */
export async function rawRequest(port: number, bytes: string, method?: string): Promise<ParsedResponse> {
  const client = await RawClient.connect(port);
  try {
    client.write(bytes);
    return await client.answer(method ?? /^[A-Z]+/.exec(bytes)?.[0] ?? 'GET');
  } finally {
    client.destroy();
  }
}

/** Head of a request with Host, ready to be sent. */
export function head(requestLine: string, ...lines: string[]): string {
  return [`${requestLine} HTTP/1.1`, 'Host: shop.test', ...lines, '', ''].join('\r\n');
}

export function get(port: number, target: string, ...lines: string[]): Promise<ParsedResponse> {
  return rawRequest(port, head(`GET ${target}`, ...lines));
}
