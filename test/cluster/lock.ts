import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessRef, processRef } from './processes.ts';

/**
 * Runs `action` while holding a lock file, so that of several processes one builds and the others wait for it.
 * The lock of a process that has died is taken over. `onWait` is called once when somebody else holds it.
 */
export async function withLock<T>(path: string, onWait: () => void, action: () => Promise<T>): Promise<T> {
  let waited = false;
  while (!tryLock(path)) {
    if (!waited) onWait();
    waited = true;
    await sleep(500);
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify(processRef(process.pid)), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const owner = ownerOf(path);
  if (owner !== undefined && !isAlive(owner)) rmSync(path, { force: true });
  return false;
}

/** Undefined when the owner has just let go, or has not written its name yet. */
function ownerOf(path: string): ProcessRef | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessRef;
  } catch {
    return undefined;
  }
}
