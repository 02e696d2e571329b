/** Entry of a data-plane thread (`node:worker_threads`). */
import { parentPort, workerData } from 'node:worker_threads';
import type { ControlMessage, ThreadStart } from '../ir/messages.ts';
import { AccessBatcher } from '../observe/access-batcher.ts';
import { NO_ACCESS_LOG } from '../observe/access-record.ts';
import { createThreadMetrics } from '../observe/data-plane-metrics.ts';
import type { ObserveControlMessage } from '../observe/messages.ts';
import { policyCatalogue } from '../policies/index.ts';
import { DataPlane } from './data-plane.ts';

const port = parentPort;
if (port === null) throw new Error('the data plane runs as a worker thread');
const start = workerData as ThreadStart;

const metrics = createThreadMetrics({ announce: (message) => port.postMessage(message) });
const { accessLog } = start.settings;
const batcher =
  accessLog.kind === 'off'
    ? null
    : new AccessBatcher({
        format: accessLog,
        send: (message) => port.postMessage(message),
        lines: metrics.accessLogLines,
        dropped: metrics.accessLogDropped,
      });

const dataPlane = new DataPlane({
  start,
  metrics,
  accessLog: batcher ?? NO_ACCESS_LOG,
  policies: policyCatalogue,
  log: (level, message) => port.postMessage({ type: 'log', level, message }),
  post: (message) => port.postMessage(message),
});

// A fault in a timer or a promise costs what it was about, not the thread and its thousands of connections.
process.on('uncaughtException', (error) => dataPlane.onFault(error));

port.on('message', (message: ControlMessage | ObserveControlMessage) => {
  switch (message.type) {
    case 'seriesReclaim':
      metrics.receive(message);
      return;
    case 'accessLogCredit':
      batcher?.receive(message);
      return;
    default:
      dataPlane.receive(message);
  }
});
