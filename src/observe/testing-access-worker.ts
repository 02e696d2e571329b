import { parentPort, workerData } from 'node:worker_threads';
import { AccessBatcher } from './access-batcher.ts';
import { emptyAccessRecord } from './access-record.ts';
import type { ObserveControlMessage } from './messages.ts';

/** A thread of `access-log.test.ts`: writes 5,000 numbered lines, waiting when it has no credits. */
const LINES = 5_000;
let dropped = 0;
const batcher = new AccessBatcher({
  format: { kind: 'template', template: '{requestId}' },
  send: (message) => parentPort!.postMessage(message),
  lines: { add() {} },
  dropped: { add: (amount) => (dropped += amount) },
});
parentPort!.on('message', (message: ObserveControlMessage) => batcher.receive(message));

const record = emptyAccessRecord();
let next = 0;
function writeSome(): void {
  for (let i = 0; i < 50 && next < LINES; i += 1) {
    record.requestId = `${workerData}-${next}`;
    const before = dropped;
    batcher.write(record);
    if (dropped > before) break;
    next += 1;
  }
  if (next % 250 === 0) batcher.flush();
  if (next < LINES) setImmediate(writeSome);
  else {
    batcher.close();
    parentPort!.close();
  }
}
writeSome();
