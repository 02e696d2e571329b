import http from 'node:http';

/** What the suite's client uses of an answer. */
class PlainResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: PlainHeaders;
  readonly #body: string;

  constructor(message: http.IncomingMessage, body: string) {
    this.status = message.statusCode!;
    this.statusText = message.statusMessage!;
    this.headers = new PlainHeaders(message.rawHeaders);
    this.#body = body;
  }

  async text(): Promise<string> {
    return this.#body;
  }
}

class PlainHeaders {
  readonly #values = new Map<string, string>();

  constructor(raw: readonly string[]) {
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toLowerCase();
      const before = this.#values.get(name);
      this.#values.set(name, before === undefined ? raw[i + 1]! : `${before}, ${raw[i + 1]}`);
    }
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.#values) visit(value, name);
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#values.entries();
  }
}

interface Init {
  readonly method?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** Only bounds a failing test. */
const SILENCE_MS = 30_000;

/** `fetch` that adds no header of its own, follows no redirect, and keeps nothing. */
export function plainFetch(
  url: string,
  { method = 'GET', headers = [], body }: Init = {},
): Promise<PlainResponse> {
  return new Promise((resolve, reject) => {
    const lines = new Map<string, string | string[]>();
    for (const [name, value] of headers) {
      const before = lines.get(name);
      lines.set(name, before === undefined ? String(value) : [before, String(value)].flat());
    }
    const request = http.request(
      url,
      { method, agent: false, headers: Object.fromEntries(lines) },
      (message) => {
        const chunks: Buffer[] = [];
        message
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () => resolve(new PlainResponse(message, Buffer.concat(chunks).toString())));
      },
    );
    request.on('error', reject);
    const silent = () => request.destroy(new Error(`${method} ${url}: no answer for ${SILENCE_MS} ms`));
    request.setTimeout(SILENCE_MS, silent);
    request.end(body);
  });
}
