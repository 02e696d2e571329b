import { BroadcastChannel } from 'node:worker_threads';

/** Tells the other threads of the program something. Nothing is kept: who is not there misses it. */
export class ThreadChannel<T> {
  readonly #channel: BroadcastChannel;

  /** @param name the same in every thread, and unlike that of every other channel */
  constructor(name: string, onMessage: (message: T) => void) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event) => onMessage((event as { readonly data: T }).data);
    // It alone keeps no thread running.
    this.#channel.unref();
  }

  post(message: T): void {
    this.#channel.postMessage(message);
  }

  close(): void {
    this.#channel.close();
  }
}
