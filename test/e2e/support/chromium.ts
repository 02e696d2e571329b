import http from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { issueCertificate } from '../../../src/admin/webhook/certificate.ts';

const EXECUTABLE = '/usr/bin/chromium';

/** A real browser, in which some hosts are the gateway behind a proxy that ends TLS. */
export class Chromium {
  readonly #browser: Browser;
  readonly #proxy: Server;

  private constructor(browser: Browser, proxy: Server) {
    this.#browser = browser;
    this.#proxy = proxy;
  }

  static async start(gatewayPort: number, hosts: readonly [string, ...string[]]): Promise<Chromium> {
    const proxy = await tlsProxy(gatewayPort, hosts);
    const { port } = proxy.address() as AddressInfo;
    const rules = hosts.map((host) => `MAP ${host}:443 127.0.0.1:${port}`).join(', ');
    const browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--ignore-certificate-errors',
        `--host-resolver-rules=${rules}`,
      ],
    });
    return new Chromium(browser, proxy);
  }

  /** A browser window with no cookies. */
  window(): Promise<BrowserContext> {
    return this.#browser.newContext({ ignoreHTTPSErrors: true });
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#proxy.closeAllConnections();
    await new Promise((resolve) => this.#proxy.close(resolve));
  }
}

async function tlsProxy(port: number, hosts: readonly [string, ...string[]]): Promise<Server> {
  const { cert, key } = await issueCertificate({ names: hosts, nowMs: Date.now(), lifetimeMs: 86_400_000 });
  const server = createServer({ cert, key }, (request, response) => {
    const headers = { ...request.headers, 'x-forwarded-proto': 'https' };
    const { method, url: path } = request;
    const onward = http.request(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.rawHeaders);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
