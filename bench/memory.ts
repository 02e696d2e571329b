import { setTimeout as sleep } from 'node:timers/promises';
import { BulkBackend, download, memoryGrowth, openIdle, upload } from './lib/bulk.ts';
import { memoryBytes } from './lib/proc.ts';
import { WorkFolder } from './lib/work-folder.ts';
import type { Peer, RunningPeer } from './peers/peer.ts';

const STREAM_BYTES = 1024 ** 3;
const WARM_BYTES = 64 * 1024 ** 2;
const IDLE_CONNECTIONS = 10_000;

export interface MemoryResult {
  readonly peer: string;
  /** Resident after the warm-up, before the streams. */
  readonly startBytes: number;
  /** Peak while 1 GB went from backend to client, minus what was resident before. */
  readonly downGrowthBytes: number;
  /** The same from client to backend. */
  readonly upGrowthBytes: number;
  readonly idleConnections: number;
  /** Resident memory per idle connection; buffers of the kernel are not in it. */
  readonly bytesPerIdleConnection: number;
}

export interface MemoryOptions {
  readonly peers: readonly Peer[];
  progress(text: string): void;
}

export async function benchMemory(options: MemoryOptions): Promise<MemoryResult[]> {
  const folder = new WorkFolder();
  const backend = await BulkBackend.start();
  const results: MemoryResult[] = [];
  try {
    for (const peer of options.peers) {
      results.push(await measure(peer, folder, backend.port, options.progress));
    }
    return results;
  } finally {
    await backend.stop();
    folder.delete();
  }
}

async function measure(
  peer: Peer,
  folder: WorkFolder,
  backendPort: number,
  progress: (text: string) => void,
): Promise<MemoryResult> {
  progress(`memory: ${peer.name}`);
  const running = await peer.start(folder, null, backendPort);
  const { pid } = running.program;
  try {
    await download(running.port, `/${WARM_BYTES}`);
    await upload(running.port, '/', WARM_BYTES);
    const down = await memoryGrowth(pid, () => whole(peer, download(running.port, `/${STREAM_BYTES}`)));
    const up = await memoryGrowth(pid, () => whole(peer, upload(running.port, '/', STREAM_BYTES)));
    const bytesPerIdleConnection = await idle(peer, folder, backendPort);
    return {
      peer: peer.name,
      startBytes: down.beforeBytes,
      downGrowthBytes: down.peakBytes - down.beforeBytes,
      upGrowthBytes: up.peakBytes - up.beforeBytes,
      idleConnections: IDLE_CONNECTIONS,
      bytesPerIdleConnection,
    };
  } finally {
    await running.program.stop();
  }
}

/** @throws Error when bytes are missing: the figures would mean nothing. */
async function whole(peer: Peer, stream: Promise<number>): Promise<void> {
  const bytes = await stream;
  if (bytes !== STREAM_BYTES) throw new Error(`${peer.name}: ${bytes} of ${STREAM_BYTES} bytes came through`);
}

/** In a fresh process: memory that an earlier load freed would hide what connections take. */
async function idle(peer: Peer, folder: WorkFolder, backendPort: number): Promise<number> {
  const running: RunningPeer = await peer.start(folder, null, backendPort);
  const { pid } = running.program;
  try {
    for (let i = 0; i < 200; i++) await download(running.port, '/100');
    const before = memoryBytes(pid, 'VmRSS');
    const sockets = await openIdle(running.port, IDLE_CONNECTIONS);
    await sleep(1000);
    const alive = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    if (alive < IDLE_CONNECTIONS)
      throw new Error(`${peer.name} kept ${alive} of ${IDLE_CONNECTIONS} connections`);
    const after = memoryBytes(pid, 'VmRSS');
    for (const socket of sockets) socket.destroy();
    return (after - before) / IDLE_CONNECTIONS;
  } finally {
    await running.program.stop();
  }
}
