import { CommandError, EXIT, type ExitCode } from '../../app/exit-code.ts';
import { loadOffline, type Offline } from '../../app/offline.ts';
import { TableBuilder } from '../../compile/builder.ts';
import { NO_CONSUMER_STEPS } from '../../compile/consumer-plans.ts';
import type { RoutingTable } from '../../compile/table.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import { NO_CHANGE } from '../../ir/gateway.ts';
import type { PolicyCatalogue } from '../../pipeline/policy.ts';
import { createCacheMemory } from '../../state/cache/memory.ts';
import { ConsumerDirectory } from '../../state/consumers.ts';
import { createLimitMemory } from '../../state/limits/memory.ts';
import type { ExplainOptions } from '../explain.ts';
import { makeReport, type ReportContext } from './report.ts';
import { parseRequest } from './request.ts';
import { reportText } from './text.ts';

/** A folder that was just read is in its first generation. */
const GENERATION = 1;
const MAX_CANDIDATES = 20;
const NO_CONSUMERS = new ConsumerDirectory(() => undefined);

/** Prints what the gateway would do with one request. */
export async function explain(method: string, url: string, options: ExplainOptions): Promise<ExitCode> {
  const offline = await loadOffline(options.config, options.configFile ?? null);
  const { header, client, listener = null } = options;
  const parsed = parseRequest({ method, url, headers: header, client, listener }, offline.config.settings);
  const explanation =
    parsed.refusal === null ? buildTable(offline).explain(parsed.view, MAX_CANDIDATES) : null;
  const { translator, config } = offline;
  const clusters = new Map(translator.ir.clusters.map((cluster) => [cluster.key, cluster]));
  const endpoints = new Map(translator.endpoints.map((one) => [one.cluster, one]));
  const report = makeReport(parsed, explanation, {
    generation: GENERATION,
    catalogue: config.translate.catalogue,
    locate: (origin) => translator.locate(origin),
    cluster: (key) => clusters.get(key),
    endpoints: (key) => endpoints.get(key),
    consumer: options.consumer === undefined ? null : consumerFinder(options.consumer, translator.consumers),
  });
  process.stdout.write(
    `${options.output === 'json' ? JSON.stringify(report, null, 2) : reportText(report)}\n`,
  );
  return report.winner === null ? EXIT.invalid : EXIT.ok;
}

/** @param wanted as the command line has it */
function consumerFinder(wanted: string, consumers: readonly ConsumerIr[]): ReportContext['consumer'] {
  return (namespace) => {
    const key = `Consumer/${wanted.includes('/') ? wanted : `${namespace}/${wanted}`}`;
    const found = consumers.find((one) => one.key === key);
    if (found !== undefined) return found;
    throw new CommandError(EXIT.usage, `error: there is no ${key}`);
  };
}

function buildTable({ translator, config }: Offline): RoutingTable<string> {
  const builder = new TableBuilder<string>({
    bindUpstream: (key) => key,
    policies: inert(config.translate.catalogue),
    askedSecrets: new Set(),
    consumerSteps: NO_CONSUMER_STEPS,
    policyEnv: {
      threadId: 0,
      limits: createLimitMemory({ threads: 1, bucketBytes: 512, permitKeys: 16 }),
      cache: createCacheMemory({ threads: 1, bytes: 1 }),
      cacheHits: { add: () => {} },
      cacheMisses: { add: () => {} },
      redis: config.settings.redis,
      outbound: config.settings.outbound,
      secret: () => '',
      consumers: (namespace) => NO_CONSUMERS.in(namespace),
      consumer: () => null,
      rateLimitHits: () => ({ add: () => {} }),
      authenticationRefusals: () => ({ add: () => {} }),
      shadowOutcomes: () => ({ add: () => {} }),
      overloadShed: () => ({ add: () => {} }),
      overloadPressure: () => ({ add: () => {}, set: () => {} }),
      log: () => {},
    },
    defaults: config.settings.timeouts,
  });
  const { routes, clusters } = translator.ir;
  const delta = { ...NO_CHANGE, upsertRoutes: routes, upsertClusters: clusters };
  return builder.apply(delta, GENERATION).table;
}

/** Policies that are named but do nothing: nobody is asked for keys or connected to, to explain a route. */
function inert(catalogue: PolicyCatalogue): PolicyCatalogue {
  return new Map([...catalogue].map(([name, spec]) => [name, { ...spec, bind: () => ({}) }]));
}
