import type { AdminView, ThreadView } from './view.ts';

/** Why no traffic should come here. */
export interface NotReadyReason {
  readonly code: 'draining' | 'noThreads' | 'threadNotRunning' | 'threadWithoutTable' | 'threadNotListening';
  readonly message: string;
  readonly thread?: number;
}

/** Empty when ready: not draining, and every thread listens and has a table. */
export function notReadyReasons(view: AdminView): readonly NotReadyReason[] {
  const reasons: NotReadyReason[] = [];
  if (view.draining()) {
    reasons.push({ code: 'draining', message: 'The gateway is shutting down and finishes what runs.' });
  }
  const threads = view.threads();
  if (threads.length === 0 && view.carriesTraffic !== false) {
    reasons.push({ code: 'noThreads', message: 'No data-plane thread was started yet.' });
  }
  for (const thread of threads) {
    const reason = reasonOf(thread);
    if (reason !== null) reasons.push(reason);
  }
  return reasons;
}

function reasonOf({ threadId, running, listening, generation }: ThreadView): NotReadyReason | null {
  const about = (code: NotReadyReason['code'], message: string) => ({ code, message, thread: threadId });
  if (!running) return about('threadNotRunning', `Data-plane thread ${threadId} is not running.`);
  if (generation === null) {
    return about('threadWithoutTable', `Data-plane thread ${threadId} has no routing table yet.`);
  }
  if (!listening) return about('threadNotListening', `Data-plane thread ${threadId} does not listen yet.`);
  return null;
}
