import { Publisher } from '../control/publisher.ts';
import { ThreadPool, type ThreadPoolEvents } from '../control/threads.ts';
import type { CacheMemory, LimitMemory } from '../ir/messages.ts';
import type { GatewaySettings } from '../ir/settings.ts';
import { type AccessSink, openAccessSink } from '../observe/access-sink.ts';
import type { ProgramLog } from '../observe/log.ts';
import { MetricsCollector } from '../observe/metrics-collector.ts';
import { createCacheMemory } from '../state/cache/memory.ts';
import { forgetCacheThread } from '../state/cache/memory-store.ts';
import { createLimitMemory, setReplicas } from '../state/limits/memory.ts';
import { forgetThread } from '../state/limits/permits.ts';
import { createTicketKeyMemory, rotateTicketKeys } from '../state/ticket-keys.ts';
import { followReplicas } from './replicas.ts';

const THREAD_ENTRY = new URL('../proxy/thread.ts', import.meta.url);
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** Retired metric series are looked at this often. */
const SWEEP_MS = 5_000;
/** Whoever gets at the memory of the process can read recorded connections of so long. Tickets live 5 minutes. */
const TICKET_KEY_MS = 6 * 60 * 60 * 1000;

/** The data-plane threads with everything that listens to them. */
export interface DataPlaneThreads {
  readonly pool: ThreadPool;
  readonly publisher: Publisher;
  readonly collector: MetricsCollector;
  readonly accessLog: AccessSink;
  readonly cache: CacheMemory;
  /** Ends the threads and writes what is left of the access log. */
  close(): Promise<void>;
}

/** Starts the threads; they wait for their first table. */
export async function startThreads(
  count: number,
  settings: GatewaySettings,
  log: ProgramLog,
): Promise<DataPlaneThreads> {
  const limits = createLimitMemory({ threads: count, ...settings.rateLimits });
  const cache = createCacheMemory({ threads: count, bytes: settings.cacheBytes });
  const ticketKeys = createTicketKeyMemory();
  const forgetReplicas = await followReplicas({
    setting: settings.rateLimits.replicas,
    onCount: (replicas) => setReplicas(limits, replicas),
    log,
  });
  const pool = new ThreadPool({
    entry: THREAD_ENTRY,
    count,
    start: (threadId) => ({ threadId, settings, limits, cache, ticketKeys }),
    backoffMs: BACKOFF_MS,
    maxBackoffMs: MAX_BACKOFF_MS,
    log,
  });
  const publisher = new Publisher(pool, log);
  const collector = new MetricsCollector({ send: (threadId, message) => pool.postTo(threadId, message) });
  const accessLog = await openAccessSink({
    destination: { kind: 'stdout' },
    send: (threadId, message) => pool.postTo(threadId, message),
    onError: (error) =>
      log.error({ event: 'accessLog', error: error.message }, 'the access log cannot be written'),
  });
  pool.start(threadEvents(publisher, collector, accessLog, limits, cache));
  const sweep = setInterval(() => collector.sweep(), SWEEP_MS);
  const rotation = setInterval(() => rotateTicketKeys(ticketKeys), TICKET_KEY_MS);
  const close = async (): Promise<void> => {
    clearInterval(sweep);
    clearInterval(rotation);
    forgetReplicas();
    await pool.stop();
    await accessLog.close();
  };
  return { pool, publisher, collector, accessLog, cache, close };
}

function threadEvents(
  publisher: Publisher,
  collector: MetricsCollector,
  accessLog: AccessSink,
  limits: LimitMemory,
  cache: CacheMemory,
): ThreadPoolEvents {
  return {
    started: (threadId) => publisher.started(threadId),
    lost: (threadId) => {
      forgetThread(limits, threadId);
      forgetCacheThread(cache, threadId);
      collector.removeThread(threadId);
      publisher.lost(threadId);
    },
    message: (threadId, message) => {
      switch (message.type) {
        case 'accessLog':
          accessLog.receive(threadId, message);
          break;
        case 'metricsPage':
        case 'seriesAdded':
        case 'seriesRetired':
        case 'seriesRevived':
        case 'seriesFreed':
          collector.receive(threadId, message);
          break;
        default:
          publisher.message(threadId, message);
      }
    },
  };
}
