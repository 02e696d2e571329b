import { type Cell, CellGroup } from './cell.ts';
import type { FamilyKey } from './families.ts';
import { NONE } from './labels.ts';
import type { ObserveControlMessage } from './messages.ts';
import { RouteSeries } from './route-series.ts';
import { SeriesAllocator } from './series-allocator.ts';
import type {
  Counter,
  Gauge,
  ListenerMetrics,
  RouteMetrics,
  ThreadMetrics,
  ThreadMetricsOptions,
  UpstreamMetrics,
} from './thread-metrics.ts';
import { sampleThread } from './thread-sampler.ts';
import { UpstreamSeries } from './upstream-series.ts';

/** Limiter types and error codes come from the program and its configuration; this is for the unforeseen. */
const MAX_NAMED = 256;

/** Makes the counters of the thread that calls it. Closing it stops its timer. */
export function createThreadMetrics(options: ThreadMetricsOptions): ThreadMetrics {
  return new DataPlaneMetrics(options);
}

class DataPlaneMetrics implements ThreadMetrics {
  readonly unmatched: RouteMetrics;
  readonly requestsInFlight: Gauge;
  readonly tunnelsOpen: Gauge;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
  readonly accessLogLines: Counter;
  readonly accessLogDropped: Counter;
  readonly #allocator: SeriesAllocator;
  readonly #fixed: CellGroup;
  readonly #generation: Cell;
  readonly #routes = new Map<string, RouteSeries>();
  readonly #upstreams = new Map<string, UpstreamSeries>();
  readonly #listeners = new Map<string, ListenerMetrics>();
  readonly #limiters = new Map<string, Counter>();
  readonly #byLabels = new Map<string, Counter>();
  readonly #shed = new Map<string, Counter>();
  /** Only where there is such a policy. */
  #pressure: Gauge | null = null;
  /** By origin, then code: looking up allocates nothing. */
  readonly #errors = new Map<string, Map<string, Counter>>();
  readonly #stopSampling: () => void;

  constructor(options: ThreadMetricsOptions) {
    this.#allocator = new SeriesAllocator(options.announce);
    const fixed = new CellGroup(this.#allocator);
    this.#fixed = fixed;
    this.#allocator.reserveRefusals(fixed);
    this.unmatched = this.route(NONE, NONE);
    this.requestsInFlight = fixed.cell('requestsInFlight');
    this.tunnelsOpen = fixed.cell('tunnelsOpen');
    this.cacheHits = fixed.cell('cacheHits');
    this.cacheMisses = fixed.cell('cacheMisses');
    this.accessLogLines = fixed.cell('accessLogLines');
    this.accessLogDropped = fixed.cell('accessLogDropped');
    this.#generation = fixed.cell('threadGeneration');
    this.#stopSampling = sampleThread({
      delayP99Ms: fixed.cell('eventLoopDelay'),
      utilization: fixed.cell('eventLoopUtilization'),
      heapUsedBytes: fixed.cell('heapUsed'),
    });
  }

  route(pattern: string, service: string): RouteMetrics {
    // A service has no space in its name, a pattern may.
    const key = `${service} ${pattern}`;
    const known = this.#routes.get(key);
    if (known !== undefined) {
      known.acquire();
      return known;
    }
    const made = new RouteSeries(this.#allocator, pattern, service, () => this.#routes.delete(key));
    this.#routes.set(key, made);
    return made;
  }

  upstream(service: string): UpstreamMetrics {
    const known = this.#upstreams.get(service);
    if (known !== undefined) {
      known.acquire();
      return known;
    }
    const made = new UpstreamSeries(this.#allocator, service, () => this.#upstreams.delete(service));
    this.#upstreams.set(service, made);
    return made;
  }

  listener(name: string): ListenerMetrics {
    const known = this.#listeners.get(name);
    if (known !== undefined) return known;
    const made: ListenerMetrics = {
      connectionsAccepted: this.#fixed.cell('connectionsAccepted', name),
      connectionsOpen: this.#fixed.cell('connectionsOpen', name),
      receivedBytes: this.#fixed.cell('receivedBytes', name),
      sentBytes: this.#fixed.cell('sentBytes', name),
    };
    this.#listeners.set(name, made);
    return made;
  }

  tlsHandshakes(listener: string, version: string, resumed: boolean): Counter {
    return this.#ofLabels('tlsHandshakes', listener, version, String(resumed));
  }

  tlsHandshakeFailures(listener: string, reason: string): Counter {
    return this.#ofLabels('tlsHandshakeFailures', listener, reason);
  }

  rateLimitHits(limiterType: string): Counter {
    return this.#named(this.#limiters, limiterType, (name) => this.#fixed.cell('rateLimitHits', name));
  }

  shadowOutcomes(policy: string, outcome: string): Counter {
    return this.#ofLabels('policyShadow', policy, outcome);
  }

  authenticationRefusals(policy: string, reason: string): Counter {
    return this.#ofLabels('authenticationRefusals', policy, reason);
  }

  overloadShed(priority: string): Counter {
    return this.#named(this.#shed, priority, (name) => this.#fixed.cell('overloadShed', name));
  }

  overloadPressure(): Gauge {
    this.#pressure ??= this.#fixed.cell('overloadPressure');
    return this.#pressure;
  }

  #ofLabels(family: FamilyKey, ...labels: string[]): Counter {
    const key = `${family} ${labels.join(' ')}`;
    const known = this.#byLabels.get(key);
    if (known !== undefined) return known;
    const made = this.#fixed.cell(family, ...labels);
    this.#byLabels.set(key, made);
    return made;
  }

  error(code: string, origin: string): void {
    let codes = this.#errors.get(origin);
    if (codes === undefined) {
      codes = new Map();
      this.#errors.set(origin, codes);
    }
    const known = codes.get(code);
    const counter = known ?? this.#named(codes, code, (name) => this.#fixed.cell('errors', name, origin));
    counter.add(1);
  }

  setGeneration(generation: number): void {
    this.#generation.set(generation);
  }

  receive(message: ObserveControlMessage): void {
    if (message.type === 'seriesReclaim') this.#allocator.reclaim(message.ids);
  }

  close(): void {
    this.#stopSampling();
  }

  #named(counters: Map<string, Counter>, name: string, make: (name: string) => Counter): Counter {
    const key = counters.has(name) || counters.size < MAX_NAMED ? name : 'other';
    const known = counters.get(key);
    if (known !== undefined) return known;
    const made = make(key);
    counters.set(key, made);
    return made;
  }
}
