import { createHash, X509Certificate } from 'node:crypto';
import http, { type IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { issueCertificate } from '../../../src/admin/webhook/certificate.ts';

const EXECUTABLE = '/usr/bin/chromium';

/** A request as the browser sent it. */
export type BrowserRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

/** A real browser, in which some hosts are the gateway behind a proxy that ends TLS. */
export class Chromium {
  /** In the order in which they came. */
  readonly requests: BrowserRequest[];
  readonly #browser: Browser;
  readonly #proxy: Server;

  private constructor(browser: Browser, proxy: Server, requests: BrowserRequest[]) {
    this.#browser = browser;
    this.#proxy = proxy;
    this.requests = requests;
  }

  static async start(gatewayPort: number, hosts: readonly [string, ...string[]]): Promise<Chromium> {
    const requests: BrowserRequest[] = [];
    const { cert, key } = await issueCertificate({ names: hosts, nowMs: Date.now(), lifetimeMs: 86_400_000 });
    const proxy = await tlsProxy(gatewayPort, { cert, key }, requests);
    const { port } = proxy.address() as AddressInfo;
    const rules = hosts.map((host) => `MAP ${host}:443 127.0.0.1:${port}`).join(', ');
    const browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        // By its key, so that it is as good as any: where errors are only ignored, nothing is kept in the cache.
        `--ignore-certificate-errors-spki-list=${keyHash(cert)}`,
        `--host-resolver-rules=${rules}`,
      ],
    });
    return new Chromium(browser, proxy, requests);
  }

  /** A browser window with no cookies. */
  window(): Promise<BrowserContext> {
    return this.#browser.newContext();
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#proxy.closeAllConnections();
    await new Promise((resolve) => this.#proxy.close(resolve));
  }
}

function keyHash(cert: string): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

async function tlsProxy(
  port: number,
  identity: { readonly cert: string; readonly key: string },
  requests: BrowserRequest[],
): Promise<Server> {
  const onward = (request: IncomingMessage) => {
    requests.push(request);
    const { method, url: path } = request;
    const headers = { ...request.headers, 'x-forwarded-proto': 'https' };
    return http.request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  };
  const server = createServer(identity, (request, response) => {
    const asked = onward(request);
    asked.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(response);
    });
    asked.on('error', () => response.destroy());
    request.pipe(asked);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const asked = onward(request);
    asked.on('error', () => socket.destroy());
    asked.on('response', ({ statusCode, statusMessage }) => {
      socket.end(`HTTP/1.1 ${statusCode} ${statusMessage}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    asked.on('upgrade', (answer, backend: Socket) => {
      const lines = answer.rawHeaders.map((text, i) => `${text}${i % 2 === 0 ? ': ' : '\r\n'}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
      backend.pipe(socket).pipe(backend);
      backend.on('error', () => socket.destroy());
      socket.on('error', () => backend.destroy());
    });
    asked.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
