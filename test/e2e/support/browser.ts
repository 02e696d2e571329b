import http from 'node:http';

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly body: string;
  /** One entry a line. */
  headerLines(name: string): readonly string[];
}

export interface Visit {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answer a redirect with the redirect itself. */
  readonly stay?: boolean;
}

const MAX_REDIRECTS = 12;

/**
 * As much of a browser as a login needs: cookies, redirects, forms. `https://NAME` goes to the given port of this machine, as
 * behind a proxy that ends TLS; `http:` goes where the address says.
 */
export class Browser {
  readonly #ports: Readonly<Record<string, number>>;
  /** By host, then by name. */
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Of other paths than `/`, as the provider has them for each login: by host, then by `NAME PATH`. */
  readonly #narrow = new Map<string, Map<string, string>>();
  /** Every address that was asked, in order. */
  readonly history: string[] = [];

  constructor(ports: Readonly<Record<string, number>>) {
    this.#ports = ports;
  }

  /** Cookies of a host, as they would be sent. */
  cookies(host: string): Map<string, string> {
    let jar = this.#cookies.get(host);
    if (jar === undefined) {
      jar = new Map();
      this.#cookies.set(host, jar);
    }
    return jar;
  }

  /** Another browser with the same cookies: another tab, or what a thief has made of them. */
  copy(): Browser {
    const other = new Browser(this.#ports);
    for (const [host, jar] of this.#cookies) other.#cookies.set(host, new Map(jar));
    for (const [host, jar] of this.#narrow) other.#narrow.set(host, new Map(jar));
    return other;
  }

  /** Goes to an address, as when it is typed in or a link is followed. */
  async visit(address: string | URL, visit: Visit = {}): Promise<Page> {
    let url = new URL(address);
    let step = visit;
    for (let i = 0; i < MAX_REDIRECTS; i++) {
      const page = await this.#ask(
        url,
        { 'sec-fetch-mode': 'navigate', accept: 'text/html', ...step.headers },
        step,
      );
      const [location] = page.headerLines('location');
      if (location === undefined || page.status < 300 || page.status > 399 || visit.stay === true)
        return page;
      url = new URL(location, url);
      if (page.status !== 307 && page.status !== 308) step = {};
    }
    throw new Error(`redirected for ever: ${this.history.slice(-6).join(' → ')}`);
  }

  /** What a script of a page does. */
  fetch(address: string | URL, visit: Visit = {}): Promise<Page> {
    const headers = {
      'sec-fetch-mode': 'cors',
      'sec-fetch-site': 'same-origin',
      accept: '*/*',
      ...visit.headers,
    };
    return this.#ask(new URL(address), headers, visit);
  }

  /** Fills in the page's form and sends it. */
  submit(page: Page, fields: Readonly<Record<string, string>>): Promise<Page> {
    const [, action] = /<form[^>]*\saction="([^"]+)"/.exec(page.body) ?? [];
    if (action === undefined) throw new Error(`no form on ${page.url.href}: ${page.status}\n${page.body}`);
    const values = new URLSearchParams();
    for (const [input] of page.body.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      values.set(/name="([^"]*)"/.exec(input)![1]!, /value="([^"]*)"/.exec(input)?.[1] ?? '');
    }
    for (const [name, value] of Object.entries(fields)) values.set(name, value);
    return this.visit(new URL(action.replaceAll('&amp;', '&'), page.url), {
      method: 'POST',
      body: values.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  }

  async #ask(
    url: URL,
    headers: Readonly<Record<string, string>>,
    { method = 'GET', body }: Visit,
  ): Promise<Page> {
    this.history.push(`${method} ${url.href}`);
    const page = await send(url, this.#ports[url.hostname] ?? Number(url.port || 80), method, body, {
      ...this.#cookieHeader(url),
      ...(url.protocol === 'https:' && { 'x-forwarded-proto': 'https' }),
      ...headers,
    });
    for (const line of page.headerLines('set-cookie')) this.#keep(url, line);
    return page;
  }

  #cookieHeader({ hostname, protocol, pathname }: URL): Record<string, string> {
    // A plain page gets none that is Secure; here no host is asked in both ways.
    const pairs = [...this.cookies(hostname)].filter(
      ([name]) => protocol === 'https:' || !name.startsWith('__'),
    );
    for (const [key, value] of this.#narrow.get(hostname) ?? []) {
      const [name, path] = key.split(' ');
      if (pathname === path || pathname.startsWith(`${path}/`)) pairs.push([name!, value]);
    }
    return pairs.length === 0 ? {} : { cookie: pairs.map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  /** RFC 6265bis section 5.7, as far as it concerns us; what a browser would not keep is an error here. */
  #keep({ hostname, protocol, href }: URL, line: string): void {
    const [pair, ...attributes] = line.split(/;\s*/);
    const equals = pair!.indexOf('=');
    const [name, value] = [pair!.slice(0, equals), pair!.slice(equals + 1)];
    const has = (wanted: string) => attributes.some((one) => one.toLowerCase() === wanted);
    if (line.length > 4096) throw new Error(`a cookie of ${line.length} bytes from ${href}`);
    if (has('secure') && protocol !== 'https:') throw new Error(`a Secure cookie from ${href}`);
    if (name.startsWith('__Host-') && !(has('secure') && has('path=/') && !/;\s*domain=/i.test(line))) {
      throw new Error(`not a cookie of __Host-: ${line}`);
    }
    const maxAge = /;\s*max-age=(-?\d+)/i.exec(line)?.[1];
    const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1];
    const over =
      maxAge === undefined ? expires !== undefined && Date.parse(expires) <= Date.now() : Number(maxAge) <= 0;
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/';
    const jar = path === '/' ? this.cookies(hostname) : this.#narrowOf(hostname);
    const key = path === '/' ? name : `${name} ${path}`;
    if (over) jar.delete(key);
    else jar.set(key, value);
  }

  #narrowOf(host: string): Map<string, string> {
    const jar = this.#narrow.get(host) ?? new Map<string, string>();
    this.#narrow.set(host, jar);
    return jar;
  }
}

function send(
  url: URL,
  port: number,
  method: string,
  body: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Page> {
  return new Promise((resolve, reject) => {
    const path = `${url.pathname}${url.search}`;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: { host: url.host, ...length, ...headers },
    };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () => {
        const raw = response.rawHeaders;
        resolve({
          url,
          status: response.statusCode!,
          body: text,
          headerLines: (name) => raw.filter((_, i) => i % 2 === 1 && raw[i - 1]!.toLowerCase() === name),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
