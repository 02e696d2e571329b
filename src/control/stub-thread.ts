/**
 * A data-plane thread without a data plane, for the tests of this folder: it keeps what it is told, writes
 * the number of its routes and endpoint lists into shared memory, and dies when that memory says so.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { CacheMemory, ControlMessage, LimitMemory, ThreadMessage, ThreadStart } from '../ir/messages.ts';

/** Indexes into the shared memory of {@link StubStart}. */
export const STUB = { routes: 0, endpoints: 1, applies: 2, dieOnApply: 3, failListen: 4, stages: 5 } as const;

/** Memory in which nobody counts. */
export const NO_LIMITS: LimitMemory = {
  buckets: new SharedArrayBuffer(0),
  permits: new SharedArrayBuffer(0),
  nonces: new SharedArrayBuffer(0),
  replicas: new SharedArrayBuffer(4),
  threads: 0,
};

/** Memory in which nothing is kept. */
export const NO_CACHE: CacheMemory = {
  answers: new SharedArrayBuffer(0),
  flights: new SharedArrayBuffer(0),
  unpackedBytes: 0,
};

export interface StubStart extends ThreadStart {
  readonly shared: Int32Array;
}

const { shared } = (workerData ?? { shared: new Int32Array(8) }) as StubStart;
const routes = new Set<string>();
const endpoints = new Set<string>();

parentPort?.on('message', (message: ControlMessage) => {
  switch (message.type) {
    case 'stage':
      take(message);
      Atomics.add(shared, STUB.stages, 1);
      break;
    case 'apply':
      if (Atomics.exchange(shared, STUB.dieOnApply, 0) === 1) throw new Error('told to die');
      take(message);
      Atomics.add(shared, STUB.applies, 1);
      record();
      answer({ type: 'ack', generation: message.generation, failures: [] });
      break;
    case 'endpoints':
      for (const one of message.endpoints) endpoints.add(one.cluster);
      record();
      break;
    case 'listen':
      if (shared[STUB.failListen] === 1)
        answer({ type: 'listenFailed', listener: 'http', message: 'in use' });
      else answer({ type: 'listening', ports: [{ listener: 'http', port: 8080 }] });
      break;
    case 'drain':
      answer({ type: 'drained', aborted: 1 });
      break;
    case 'stop':
      parentPort?.close();
      break;
  }
});

function take({ delta, endpoints: lists }: ControlMessage & { type: 'apply' | 'stage' }): void {
  for (const key of delta.removeRoutes) routes.delete(key);
  for (const route of delta.upsertRoutes) routes.add(route.key);
  for (const one of lists) endpoints.add(one.cluster);
}

function record(): void {
  Atomics.store(shared, STUB.routes, routes.size);
  Atomics.store(shared, STUB.endpoints, endpoints.size);
}

function answer(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}
