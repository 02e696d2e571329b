import type { ClientConnection } from '../client/connection.ts';
import { RequestExchange } from './exchange.ts';

const MAX_SPARE = 256;

/** Exchanges are large (parsed heads, views): those of finished requests serve again. */
export class ExchangePool {
  readonly #spare: RequestExchange[] = [];

  acquire(connection: ClientConnection): RequestExchange {
    const x = this.#spare.pop() ?? new RequestExchange();
    x.reset(connection);
    return x;
  }

  release(x: RequestExchange): void {
    if (!x.pinned && this.#spare.length < MAX_SPARE) this.#spare.push(x);
  }
}
