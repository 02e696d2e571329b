/** Entry of the thread that checks routes for the webhook (`node:worker_threads`). */
import { parentPort, workerData } from 'node:worker_threads';
import { policyCatalogue } from '../../policies/index.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import { checkRoute, type RouteCheckJob } from './check-route.ts';

/** The catalogue has functions, which can't be sent: the thread has its own. */
export type CheckThreadStart = Omit<TranslateOptions, 'catalogue'>;

const port = parentPort;
if (port === null) throw new Error('routes are checked in a worker thread');
const options: TranslateOptions = { ...(workerData as CheckThreadStart), catalogue: policyCatalogue };

port.on('message', (job: RouteCheckJob) => {
  port.postMessage(checkRoute(job, options));
});
