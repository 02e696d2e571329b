import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** A page takes at most one part in this many of the thread's time, however many ask for it. */
const SHARE = 5;

interface Rendered {
  readonly body: Buffer;
  compressed: Promise<Buffer> | null;
}

/**
 * A page that costs something to render. Those who ask while it is being rendered get the same copy, and for
 * four times as long as it took it is not rendered again: a thousand clients cost what one does.
 */
export class SharedPage {
  readonly #render: () => Promise<Buffer>;
  #current: Promise<Rendered> | null = null;
  #validUntilMs = Number.POSITIVE_INFINITY;

  constructor(render: () => Promise<Buffer>) {
    this.#render = render;
  }

  async get(): Promise<Buffer> {
    return (await this.#fresh()).body;
  }

  /** Compressed off the event loop, once for all who want it so. */
  async getGzipped(): Promise<Buffer> {
    const rendered = await this.#fresh();
    rendered.compressed ??= compress(rendered.body, { level: 1 });
    return rendered.compressed;
  }

  #fresh(): Promise<Rendered> {
    if (this.#current === null || performance.now() > this.#validUntilMs) {
      this.#validUntilMs = Number.POSITIVE_INFINITY;
      this.#current = this.#renderNow();
    }
    return this.#current;
  }

  async #renderNow(): Promise<Rendered> {
    const startedMs = performance.now();
    try {
      const body = await this.#render();
      const endedMs = performance.now();
      this.#validUntilMs = endedMs + (SHARE - 1) * (endedMs - startedMs);
      return { body, compressed: null };
    } catch (error) {
      this.#current = null;
      throw error;
    }
  }
}
