import { type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts';
import { forward, route } from '../support/resources.ts';
import { RecordingUpstream, type UpstreamRequest } from '../support/upstream.ts';
import { plainFetch } from './plain-fetch.ts';

/** What a backend answers: lines of the head without a length, and a body. */
export interface Said {
  readonly status?: number;
  readonly lines?: readonly string[];
  readonly body?: string;
  /** Before the answer. */
  readonly after?: Promise<void>;
}

/** `count`: which request for the target it is, from 1. */
export type Backend = (request: UpstreamRequest, count: number) => Said | 'RESET';

export interface Got {
  readonly status: number;
  readonly body: string;
  header(name: string): string | null;
}

/** A backend that is programmed, and a gateway that keeps its answers, on two threads unless told otherwise. */
export class Cached {
  readonly upstream: RecordingUpstream;
  gateway!: Gateway;
  #backend: Backend = () => ({});

  private constructor(upstream: RecordingUpstream) {
    this.upstream = upstream;
  }

  /** @param policies of each route, by its name; the route takes the host NAME.test */
  static async start(
    policies: Readonly<Record<string, readonly unknown[]>>,
    options: Omit<GatewayOptions, 'files'> = {},
  ): Promise<Cached> {
    const cached = new Cached(await RecordingUpstream.start());
    cached.upstream.script = async (request, connection) => {
      await request.whole();
      const said = cached.#backend(request, cached.asked(request.target));
      if (said === 'RESET') {
        connection.socket.resetAndDestroy();
        return;
      }
      const { status = 200, lines = [], body = 'ok', after } = said;
      await after;
      const bodiless = status === 304 || status === 204;
      const length = bodiless ? [] : [`Content-Length: ${body.length}`];
      const sent = bodiless || request.method === 'HEAD' ? '' : body;
      connection.write([`HTTP/1.1 ${status} Said`, ...length, ...lines, '', sent].join('\r\n'));
    };
    const { port } = cached.upstream;
    const files = Object.entries(policies).map(([name, list]) => [
      `${name}.yaml`,
      route(name, [forward('/', port, { policies: list })], { hosts: [`${name}.test`] }),
    ]);
    cached.gateway = await startGateway({ threads: 2, ...options, files: Object.fromEntries(files) });
    return cached;
  }

  /** How many requests for that target have reached the backend. */
  asked(wanted: string): number {
    return this.upstream.requests.filter(({ target }) => target === wanted).length;
  }

  says(backend: Backend | Said): void {
    this.#backend = typeof backend === 'function' ? backend : () => backend;
  }

  /** At `shop.test`, on a connection of its own, so that any thread may get it. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    init: { method?: string; body?: string } = {},
  ): Promise<Got> {
    const lines = Object.entries({ Host: 'shop.test', ...headers });
    const { status, headers: fields, ...response } = await this.#fetch(path, lines, init);
    return { status, body: await response.text(), header: (name) => fields.get(name) };
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.upstream.stop().catch(() => undefined);
  }

  async #fetch(
    path: string,
    headers: readonly (readonly [string, string])[],
    init: { method?: string; body?: string },
  ) {
    const response = await plainFetch(`http://127.0.0.1:${this.gateway.port}${path}`, { headers, ...init });
    const { status, headers: fields } = response;
    return { status, headers: fields, text: () => response.text() };
  }
}

export const FRESH = 'Cache-Control: max-age=3600';
