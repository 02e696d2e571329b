import type { Program } from '../lib/program.ts';
import type { WorkFolder } from '../lib/work-folder.ts';

export interface RunningPeer {
  readonly program: Program;
  readonly port: number;
}

/** A proxy under measurement: one worker, no logs, kept-alive connections to the backend. */
export interface Peer {
  readonly name: string;
  /** `core`: the one it is pinned to; null: any. */
  start(folder: WorkFolder, core: number | null, backendPort: number): Promise<RunningPeer>;
}
