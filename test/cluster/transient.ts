import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './command.ts';

/** What kubectl says when the API server, or etcd behind it, had no time for it: nothing that a test asks for. */
const TRANSIENT =
  /TLS handshake timeout|unexpected EOF|: EOF\b|connection reset by peer|client connection lost|etcdserver: (?:request timed out|leader changed|too many requests)|unable to return a response in the time allotted|i\/o timeout/;
const TRIES = 5;
const PAUSE_MS = 1_000;

/**
 * Does once more what a busy machine has made fail. Only for what may be done twice.
 * @throws what `work` throws, when it is anything else or comes time and again
 */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === TRIES || !(error instanceof CommandError) || !TRANSIENT.test(error.message))
        throw error;
      await sleep(PAUSE_MS);
    }
  }
}
