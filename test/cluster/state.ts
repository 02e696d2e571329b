import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ProcessRef } from './processes.ts';

/** What must be known to end a cluster after a crash of the process that started it. */
export interface ClusterState {
  readonly format: 1;
  /** The `unshare` process that holds the namespaces; ends with `init`. */
  readonly holder: ProcessRef;
  /** Pid 1 of the cluster's pid namespace: when it is killed, the kernel ends everything inside. */
  readonly init: ProcessRef;
  /** Running components by name. */
  readonly components: Readonly<Record<string, ProcessRef>>;
}

/** The state written to a file, or undefined when there is none. */
export function readState(path: string): ClusterState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const state = JSON.parse(text) as ClusterState;
  if (state.format !== 1) throw new Error(`${path}: written by another version`);
  return state;
}

/** Replaces the file as a whole, so that a crash leaves the old state or the new one. */
export function writeState(path: string, state: ClusterState): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
