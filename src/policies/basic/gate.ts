/** More checks than these at once would fill Node's thread pool, which others need, too. */
const MAX_RUNNING = 2;
/** More than these wait for no one: the client is told to come again. */
const MAX_WAITING = 128;

const waiting: (() => void)[] = [];
let running = 0;

/** Runs what is costly a few at a time, over all rules of a thread; null: too many wait already. */
export async function throughGate<T>(work: () => Promise<T>): Promise<T | null> {
  if (running >= MAX_RUNNING) {
    if (waiting.length >= MAX_WAITING) return null;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
