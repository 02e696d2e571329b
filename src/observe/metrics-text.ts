import { DURATION_BOUNDS_MS, FAMILIES, type FamilyKey, HISTOGRAM_SLOTS } from './families.ts';
import type { MetricsCollector, Reading } from './metrics-collector.ts';

/** Label sets rendered before the event loop gets a turn: about a millisecond of histograms. */
const SLICE = 500;

const BUCKETS = [...DURATION_BOUNDS_MS.map(String), '+Inf'];

/**
 * The data plane's metrics in the Prometheus text format (version 0.0.4). Not by prom-client: with 10,000
 * routes its registry holds the control thread for a quarter of a second a scrape, this gives way.
 */
export async function renderThreadFamilies(collector: MetricsCollector): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let text = '';
  let rendered = 0;
  for (const key of Object.keys(FAMILIES) as FamilyKey[]) {
    const { name, help, type } = FAMILIES[key];
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const reading of collector.read(key)) {
      text += type === 'histogram' ? histogram(name, reading) : single(name, reading);
      rendered += 1;
      if (rendered % SLICE !== 0) continue;
      chunks.push(Buffer.from(text));
      text = '';
      await new Promise((resolve) => setImmediate(resolve));
    }
    text += '\n';
  }
  chunks.push(Buffer.from(text));
  return Buffer.concat(chunks);
}

function single(name: string, { labels, numbers }: Reading): string {
  const value = numbers[0]!;
  return labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
}

/** Buckets are cumulative, and the count is theirs: the three can't disagree. */
function histogram(name: string, { labels, numbers }: Reading): string {
  let text = '';
  let count = 0;
  for (let bucket = 0; bucket < BUCKETS.length; bucket += 1) {
    count += numbers[bucket]!;
    text += `${name}_bucket{le="${BUCKETS[bucket]}",${labels}} ${count}\n`;
  }
  return `${text}${name}_sum{${labels}} ${numbers[HISTOGRAM_SLOTS - 1]}\n${name}_count{${labels}} ${count}\n`;
}
