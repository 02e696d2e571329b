import type { RouteMetrics, ThreadMetrics } from '../observe/thread-metrics.ts';
import type { Entry, Rule } from './context.ts';

interface Taken {
  readonly pattern: string;
  readonly service: string;
  readonly metrics: RouteMetrics;
}

/** The series that the rules of the table count in: taken when first used, given back with the rule. */
export class RouteMetricsIndex {
  readonly #metrics: ThreadMetrics;
  readonly #taken = new Map<Rule, Taken[]>();

  constructor(metrics: ThreadMetrics) {
    this.#metrics = metrics;
  }

  get(entry: Entry, service: string): RouteMetrics {
    let taken = this.#taken.get(entry.rule);
    if (taken === undefined) {
      taken = [];
      this.#taken.set(entry.rule, taken);
    }
    for (const one of taken) if (one.service === service && one.pattern === entry.pattern) return one.metrics;
    const metrics = this.#metrics.route(entry.pattern, service);
    taken.push({ pattern: entry.pattern, service, metrics });
    return metrics;
  }

  /** The rule's last request has ended. */
  release(rule: Rule): void {
    for (const { metrics } of this.#taken.get(rule) ?? []) metrics.release();
    this.#taken.delete(rule);
  }
}
