/** Measures within the network of a cluster; see run.ts. `inside.ts [--only NAME,…] [-o json]` */
import { parseArgs } from 'node:util';
import { ApiClient } from '../../src/sources/kubernetes/client/client.ts';
import { ENDPOINT_PORT, ENDPOINTS } from '../../test/e2e/support/storm/objects.ts';
import { machineLine } from '../lib/machine.ts';
import { measureChanges } from './changes.ts';
import { measureChurn } from './churn.ts';
import { loadAverage, startBackend } from './gateway.ts';
import { FULL, Objects } from './objects.ts';
import { type Figure, markdown } from './report.ts';
import { measureRest } from './rest.ts';
import { measureStarts } from './starts.ts';
import { measureStorm } from './storm.ts';

/** What every part has. */
export interface Bench {
  readonly objects: Objects;
  readonly progress: (text: string) => void;
}

const PARTS = {
  rest: measureRest,
  starts: measureStarts,
  changes: measureChanges,
  storm: measureStorm,
  churn: measureChurn,
} as const;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    output: { type: 'string', short: 'o', default: 'markdown' },
  },
});
const chosen = Object.entries(PARTS).filter(([name]) => values.only.split(',').includes(name));
const client = new ApiClient(null);
const closeBackend = await startBackend(ENDPOINT_PORT);
const bench: Bench = {
  objects: new Objects(client),
  progress: (text) => process.stderr.write(`${text}\n`),
};
try {
  bench.progress(`${FULL.routes} routes, ${FULL.services * ENDPOINTS} endpoints: writing them`);
  await bench.objects.fill(FULL);
  const load = loadAverage();
  const figures: Figure[] = [];
  for (const [name, measure] of chosen) {
    bench.progress(name);
    figures.push(...(await measure(bench)));
  }
  const date = new Date().toISOString().slice(0, 10);
  const report = { date, machine: machineLine(), loadAverage: load, figures };
  process.stdout.write(
    values.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : `${markdown(report)}\n`,
  );
  process.exitCode = figures.some(({ met }) => met === false) ? 1 : 0;
} finally {
  closeBackend();
  await client.close();
}
