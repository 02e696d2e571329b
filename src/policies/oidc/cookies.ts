import type { HeaderFields, RequestFields } from '../../pipeline/exchange.ts';

/** Browsers keep 4,096 bytes of a cookie, name and attributes included (RFC 6265 section 6.1). */
const CHUNK_CHARS = 3600;
/**
 * Clients send it with every request, in one line. The least that proxies in front take of a line is 8 KiB (nginx, Apache, Jetty),
 * of all lines 16 KiB or 20,480 bytes (cloud load balancers).
 */
const MAX_CHUNKS = 2;

/** A value that may be larger than one cookie: `2.AAAA…` in `name`, the rest in `name.1`. */
export class ChunkedCookie {
  readonly name: string;
  readonly #chunkNames: readonly string[];
  readonly #attributes: string;

  constructor(name: string, secure: boolean) {
    this.name = name;
    this.#chunkNames = Array.from({ length: MAX_CHUNKS }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.#attributes = attributes(secure);
  }

  /** Null when there is none, or not all of it. */
  read(request: RequestFields): string | null {
    const first = request.cookie(this.name);
    if (first === null) return null;
    const count = first.charCodeAt(0) - 0x30;
    if (!(count >= 1 && count <= MAX_CHUNKS) || first[1] !== '.') return null;
    let value = first.slice(2);
    for (let i = 1; i < count; i++) {
      const chunk = request.cookie(this.#chunkNames[i]!);
      if (chunk === null) return null;
      value += chunk;
    }
    return value;
  }

  /** Names of the cookies in which the browser has it, whole or not. */
  held(request: RequestFields): readonly string[] {
    return this.#chunkNames.filter((name) => request.cookie(name) !== null);
  }

  /**
   * Lines of Set-Cookie, also such as take back chunks that are no longer needed. Null when the value is too large.
   * @param maxAgeSeconds how long the browser keeps it; the value itself says how long it counts
   * @param held what the browser has
   */
  write(value: string, maxAgeSeconds: number, held: readonly string[]): readonly string[] | null {
    const count = Math.ceil(value.length / CHUNK_CHARS);
    if (count > MAX_CHUNKS) return null;
    const used = this.#chunkNames.slice(0, count);
    const lines = used.map((name, i) => {
      const chunk = value.slice(i * CHUNK_CHARS, (i + 1) * CHUNK_CHARS);
      return `${name}=${i === 0 ? `${count}.` : ''}${chunk}; Max-Age=${maxAgeSeconds}${this.#attributes}`;
    });
    return [...lines, ...this.clear(held.filter((name) => !used.includes(name)))];
  }

  /** Lines of Set-Cookie that take back what the browser has. */
  clear(held: readonly string[]): readonly string[] {
    return held.map((name) => `${name}=; Max-Age=0${this.#attributes}`);
  }
}

/** For the whole host, out of reach of scripts, and not sent along when another site makes the browser send a form. */
export function attributes(secure: boolean): string {
  return `; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

/** Names of the cookies that begin like that, in the order in which they came. */
export function cookieNames(request: HeaderFields, prefix: string): readonly string[] {
  return request.headerLines('cookie').flatMap((line) =>
    line
      .split(';')
      .map((pair) => pair.slice(0, Math.max(0, pair.indexOf('='))).trim())
      .filter((name) => name.startsWith(prefix)),
  );
}

/** Takes every cookie whose name begins like that out of the request; the rest stays as it came. */
export function stripCookies(request: RequestFields, prefix: string): void {
  const lines = request.headerLines('cookie');
  if (!lines.some((line) => line.includes(prefix))) return;
  const kept = lines.map((line) =>
    line
      .split(';')
      .filter((pair) => !pair.trimStart().startsWith(prefix))
      .join(';')
      .trim(),
  );
  const [first, ...others] = kept.filter((line) => line !== '');
  if (first === undefined) request.removeHeader('cookie');
  else request.setHeader('cookie', first);
  for (const line of others) request.addHeader('cookie', line);
}
