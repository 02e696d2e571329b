import { createHash } from 'node:crypto';
import type { Page } from 'playwright-core';
import { Chromium } from './chromium.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { prefix, type RuleSpec, route } from './resources.ts';
import { ok, RecordingUpstream, type UpstreamRequest } from './upstream.ts';

/**
 * Pages of several origins, all behind one gateway, and the backend that they call. Of `api.app.test` two are the same site, for
 * browsers keep the cookies of other sites back, whatever CORS says.
 */

export const HOSTS = ['api.app.test', 'app.test', 'sub.app.test', 'evil.test'] as const;
export const API = 'https://api.app.test';
/** Where `/jump` of the other hosts leads. */
export const JUMPS_TO = `${API}/guarded/back`;
export const APP = 'https://app.test';

/** What a page could see of an answer. */
export interface Seen {
  readonly status: number;
  readonly type: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer, or `refused`: the browser told the page nothing. */
export type Sight = Seen | 'refused';

export class Pages {
  readonly upstream: RecordingUpstream;
  readonly gateway: Gateway;
  readonly chromium: Chromium;

  private constructor(upstream: RecordingUpstream, gateway: Gateway, chromium: Chromium) {
    this.upstream = upstream;
    this.gateway = gateway;
    this.chromium = chromium;
  }

  /** @param rules of `api.app.test`, for the port of the backend */
  static async start(
    rules: (port: number) => readonly RuleSpec[],
    files: Readonly<Record<string, string>> = {},
  ): Promise<Pages> {
    const upstream = await RecordingUpstream.start(async (request, connection) => {
      await request.whole();
      connection.write(answerTo(request));
    });
    const html = { name: 'Content-Type', value: 'text/html' };
    const page = { status: 200, body: '<title>page</title>', headers: [html] };
    const jump = {
      ...prefix('/jump'),
      respond: { status: 307, headers: [{ name: 'Location', value: JUMPS_TO }] },
    };
    const gateway = await startGateway({
      files: {
        'api.yaml': route('api', rules(upstream.port), { hosts: ['api.app.test'] }),
        'pages.yaml': route('pages', [{ ...prefix('/'), respond: page }, jump], { hosts: HOSTS.slice(1) }),
        ...files,
      },
      settings: { trustedProxies: ['127.0.0.1/32'] },
    });
    return new Pages(upstream, gateway, await Chromium.start(gateway.port, [...HOSTS]));
  }

  /** Requests of the browser for a path, without what stands behind it; of one method, if named. */
  sent(path: string, method?: string): Chromium['requests'] {
    return this.chromium.requests.filter(
      (one) => one.url!.startsWith(path) && (method === undefined || one.method === method),
    );
  }

  /** How many of them reached the backend. */
  forwarded(path: string, method?: string): number {
    return this.upstream.requests.filter(
      (one) => one.target.startsWith(path) && (method === undefined || one.method === method),
    ).length;
  }

  async stop(): Promise<void> {
    await this.chromium.stop();
    await this.gateway.stop();
    await this.upstream.stop();
  }
}

/** What a script asks for, beside the address. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly mode?: 'no-cors';
  readonly credentials?: 'include';
}

/** `fetch` in a script of the page. */
export function fetchFrom(page: Page, url: string, init: Asking = {}): Promise<Sight> {
  return page.evaluate(
    async ([where, how]): Promise<Sight> => {
      try {
        const answer = await fetch(where, how);
        const headers = Object.fromEntries(answer.headers);
        return {
          status: answer.status,
          type: answer.type,
          url: answer.url,
          body: await answer.text(),
          headers,
        };
      } catch {
        return 'refused';
      }
    },
    [url, init] as const,
  );
}

/** Scripts are texts: what they see are a page's globals, not Node's. */
function run<T>(page: Page, script: string): Promise<T> {
  return page.evaluate(script);
}

/** A form without fields sends itself, as an attacker's page has it. */
export function submitForm(page: Page, action: string, method = 'post'): Promise<void> {
  return run(
    page,
    `(() => {
      const form = Object.assign(document.createElement('form'), ${JSON.stringify({ action, method })});
      document.body.append(form);
      form.submit();
    })()`,
  );
}

/** What a page says in its head: that nobody shall know where its requests come from. */
export function hideReferrer(page: Page): Promise<void> {
  return run(
    page,
    `document.head.append(Object.assign(document.createElement('meta'), { name: 'referrer', content: 'no-referrer' }))`,
  );
}

/** Puts HTML into a frame of the page that has no origin; resolves to the first message of the frame, if one is awaited. */
export function frame(page: Page, kind: 'sandbox' | 'data', html: string, awaits: boolean): Promise<string> {
  return run(
    page,
    `new Promise((resolve) => {
      addEventListener('message', ({ data }) => resolve(data), { once: true });
      const frame = document.createElement('iframe');
      const html = ${JSON.stringify(html).replaceAll('<', '\\x3c')};
      if (${JSON.stringify(kind)} === 'sandbox') {
        frame.sandbox.add('allow-scripts', 'allow-forms');
        frame.srcdoc = html;
      } else frame.src = 'data:text/html,' + encodeURIComponent(html);
      document.body.append(frame);
      if (!${awaits}) resolve('');
    })`,
  );
}

/** Whether a page gets a WebSocket. */
export function openSocket(page: Page, url: string): Promise<'open' | 'refused'> {
  return run(
    page,
    `new Promise((resolve) => {
      const socket = new WebSocket(${JSON.stringify(url)});
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    })`,
  );
}

export function statusOf(sight: Sight): number | 'refused' {
  return sight === 'refused' ? sight : sight.status;
}

/** What a backend says that knows nothing of the gateway: it has opinions of its own about CORS. */
function answerTo(request: UpstreamRequest): string {
  const path = request.target;
  const to = /[?&]to=([^&]+)/.exec(path)?.[1];
  if (to !== undefined) {
    return `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${decodeURIComponent(to)}\r\nContent-Length: 0\r\n\r\n`;
  }
  if (request.header('upgrade') !== null) return handshake(request.header('sec-websocket-key') ?? '');
  return ok(
    `${request.method} ${path} cookie=${request.header('cookie') ?? ''} origin=${request.header('origin') ?? ''}`,
    'Access-Control-Allow-Origin: https://evil.test',
    'Access-Control-Allow-Credentials: true',
    'Access-Control-Expose-Headers: X-Secret',
    'X-Total: 7',
    'X-Secret: s',
    ...(path.includes('cookie') ? ['Set-Cookie: id=7; Secure; SameSite=None; Path=/'] : []),
    `Cache-Control: ${path.includes('kept') ? 'max-age=600' : 'no-store'}`,
  );
}

function handshake(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
