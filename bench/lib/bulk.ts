import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { memoryBytes, resetPeak } from './proc.ts';

const BLOCK = Buffer.alloc(64 * 1024, 'x');

/** A backend for bodies that nobody wants to keep: `GET /bytes/N` streams N bytes, any POST counts what comes. */
export class BulkBackend {
  readonly #server: http.Server;
  /** Bytes that the operating system took for answers. */
  sentBytes = 0;
  receivedBytes = 0;

  private constructor() {
    this.#server = http.createServer((request, response) => {
      if (request.method === 'POST') return this.#count(request, response);
      void this.#stream(Number(/\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0), response);
    });
    this.#server.requestTimeout = 0;
  }

  static async start(): Promise<BulkBackend> {
    const backend = new BulkBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #count(request: http.IncomingMessage, response: http.ServerResponse): void {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      this.receivedBytes += chunk.length;
    });
    request.on('error', () => undefined);
    request.on('end', () => response.end(String(bytes)));
  }

  async #stream(bytes: number, response: http.ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    response.writeHead(200, { 'content-length': bytes });
    for (let left = bytes; left > 0 && !response.destroyed; left -= BLOCK.length) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      if (!response.write(block, () => (this.sentBytes += block.length))) await drained(response);
    }
    response.end();
  }
}

function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

/** Whatever certificate is shown is taken. */
const client = { host: '127.0.0.1', agent: false, rejectUnauthorized: false } as const;

/** GETs the target and counts the bytes of its body without keeping them. */
export function download(port: number, target: string, scheme: 'http' | 'https' = 'http'): Promise<number> {
  return new Promise((resolve, reject) => {
    (scheme === 'https' ? https : http)
      .get({ ...client, port, path: target }, (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('end', () => resolve(bytes));
        response.on('error', reject);
      })
      .on('error', reject)
      .on('close', () => reject(new Error('the connection ended before the answer did')));
  });
}

/** POSTs that many bytes; resolves with what the backend counted. */
export function upload(
  port: number,
  target: string,
  bytes: number,
  scheme: 'http' | 'https' = 'http',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = (scheme === 'https' ? https : http).request(
      { ...client, port, path: target, method: 'POST' },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Number(text));
          else reject(new Error(`answered ${response.statusCode}: ${text}`));
        });
        response.on('error', reject);
      },
    );
    request.setHeader('content-length', bytes);
    request.on('error', reject);
    request.on('close', () => reject(new Error('the connection ended before the answer did')));
    void (async () => {
      for (let left = bytes; left > 0 && !request.destroyed; left -= BLOCK.length) {
        if (!request.write(left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK)) await drained(request);
      }
      request.end();
    })();
  });
}

/** Opens that many silent connections, each 5,000 from an address of their own. */
export async function openIdle(port: number, count: number, batch = 250): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  while (sockets.length < count) {
    const from = sockets.length;
    const size = Math.min(batch, count - from);
    sockets.push(...(await Promise.all(Array.from({ length: size }, (_, i) => openOne(port, from + i)))));
  }
  return sockets;
}

function openOne(port: number, index: number): Promise<net.Socket> {
  const localAddress = `127.0.0.${2 + Math.floor(index / 5000)}`;
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

export interface MemoryGrowth {
  readonly beforeBytes: number;
  /** Peak resident memory while `work` ran. */
  readonly peakBytes: number;
}

/** What a process (with its children) needs for `work` on top of what it had. */
export async function memoryGrowth(pid: number, work: () => Promise<unknown>): Promise<MemoryGrowth> {
  const beforeBytes = memoryBytes(pid, 'VmRSS');
  resetPeak(pid);
  await work();
  return { beforeBytes, peakBytes: memoryBytes(pid, 'VmHWM') };
}
