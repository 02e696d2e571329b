const SPINS = 200;
/** What a holder does takes less than a microsecond; longer, it has lost its core or died. */
const PATIENCE_MS = 1000;

/**
 * Takes a lock for a moment. False after a second: its holder died, and the control thread has not yet seen it.
 * @param owner id of the thread and one: whose locks are freed when it dies.
 */
export function lock(locks: Int32Array<SharedArrayBuffer>, index: number, owner: number): boolean {
  for (let i = 0; i < SPINS; i++) if (Atomics.compareExchange(locks, index, 0, owner) === 0) return true;
  const giveUpMs = performance.now() + PATIENCE_MS;
  do {
    const holder = Atomics.compareExchange(locks, index, 0, owner);
    if (holder === 0) return true;
    // Lets the holder have the core; it wakes nobody, so that unlocking stays one store.
    Atomics.wait(locks, index, holder, 1);
  } while (performance.now() < giveUpMs);
  return false;
}

export function unlock(locks: Int32Array<SharedArrayBuffer>, index: number): void {
  Atomics.store(locks, index, 0);
}

/** Frees what a dead thread held. What it was writing is whole: a slot's tag is written last. */
export function breakLocks(locks: Int32Array<SharedArrayBuffer>, owner: number): void {
  for (let i = 0; i < locks.length; i++) Atomics.compareExchange(locks, i, owner, 0);
}
