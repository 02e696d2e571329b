import type { Finding } from '../ir/finding.ts';
import type { RouteIr } from '../ir/route.ts';
import type { ClusterNeed } from './backend.ts';
import {
  type RouteSurroundings,
  type SourcedRoute,
  type TranslatedRoute,
  translateRoute,
} from './gateway-route.ts';
import type { TranslateOptions } from './options.ts';

interface RouteEntry {
  /** As it was last written. */
  readonly latest: SourcedRoute;
  /** The version that is served: `latest`, or the last one before it without a fault. */
  readonly served: TranslatedRoute;
  /** Keys of what either version names. */
  readonly dependencies: ReadonlySet<string>;
  readonly servedSource: SourcedRoute;
  /** What is wrong with `latest`, where that is not what is served. */
  readonly faults: readonly Finding[];
  /** A later version may fall back to `servedSource`. */
  readonly good: boolean;
  /** When `servedSource` was first served. */
  readonly since: string;
}

const NOTHING: RouteNeeds = { clusters: new Map(), secrets: new Map() };

/** What the data plane must know for a route. */
export interface RouteNeeds {
  readonly clusters: ReadonlyMap<string, ClusterNeed>;
  /** Texts by key. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** What one route's change means for the clusters and secrets. */
export interface RouteChange {
  readonly route: RouteIr;
  readonly needsBefore: RouteNeeds;
  readonly needsAfter: RouteNeeds;
}

/**
 * The routes, each translated once per version and again when something that it names changes. A version
 * with a fault leaves the last good one in service; without a good one its faulty rules are closed.
 */
export class RouteStore {
  readonly #options: TranslateOptions;
  readonly #surroundings: RouteSurroundings;
  readonly #now: () => Date;
  readonly #entries = new Map<string, RouteEntry>();
  /** Routes by what they name. */
  readonly #dependents = new Map<string, Set<string>>();

  constructor(options: TranslateOptions, surroundings: RouteSurroundings, now: () => Date) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#now = now;
  }

  get routes(): readonly RouteIr[] {
    return [...this.#entries.values()].map((entry) => entry.served.route);
  }

  get keys(): Iterable<string> {
    return this.#entries.keys();
  }

  get findings(): readonly Finding[] {
    return [...this.#entries.values()].flatMap(findingsOf);
  }

  /** When the version of the object that is served came into service; null when there is none. */
  servedSince(key: string): string | null {
    return this.#entries.get(key)?.since ?? null;
  }

  /** The version of a route that is served. */
  servedSource(key: string): SourcedRoute | undefined {
    return this.#entries.get(key)?.servedSource;
  }

  dependentsOf(key: string): Iterable<string> {
    return this.#dependents.get(key) ?? [];
  }

  put(key: string, sourced: SourcedRoute): RouteChange {
    const before = this.#entries.get(key);
    const attempt = translateRoute(sourced, this.#options, this.#surroundings);
    const fallBack = attempt.report.faulty && before?.good === true;
    const now = this.#now().toISOString();
    if (!fallBack) {
      const good = !attempt.report.faulty;
      const { dependencies } = attempt;
      const entry = {
        latest: sourced,
        served: attempt,
        servedSource: sourced,
        dependencies,
        faults: [],
        good,
      };
      return this.#store(key, { ...entry, since: now });
    }
    const { servedSource, since } = before;
    const served = translateRoute(servedSource, this.#options, this.#surroundings);
    const kept: Finding = { origin: sourced.origin(''), code: 'keptLastGood', since };
    const faults = [...attempt.report.findings, kept];
    const dependencies = attempt.dependencies.union(served.dependencies);
    return this.#store(key, {
      latest: sourced,
      served,
      servedSource,
      dependencies,
      faults,
      good: true,
      since,
    });
  }

  /** Translates again what is there, because something that it names has changed. */
  refresh(key: string): RouteChange | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.latest !== entry.servedSource) return this.put(key, entry.latest);
    const served = translateRoute(entry.latest, this.#options, this.#surroundings);
    return this.#store(key, { ...entry, served, dependencies: served.dependencies });
  }

  /** Returns what the route needed; null when there was no such route. */
  remove(key: string): RouteNeeds | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#forget(key, entry);
    return needsOf(entry.served);
  }

  #store(key: string, entry: RouteEntry): RouteChange {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#forget(key, before);
    this.#entries.set(key, entry);
    for (const dependency of entry.dependencies) {
      const dependents = this.#dependents.get(dependency) ?? new Set();
      this.#dependents.set(dependency, dependents.add(key));
    }
    const needsBefore = before === undefined ? NOTHING : needsOf(before.served);
    return { route: entry.served.route, needsBefore, needsAfter: needsOf(entry.served) };
  }

  #forget(key: string, entry: RouteEntry): void {
    for (const dependency of entry.dependencies) {
      const dependents = this.#dependents.get(dependency);
      dependents?.delete(key);
      if (dependents?.size === 0) this.#dependents.delete(dependency);
    }
  }
}

function needsOf({ needs, secrets }: TranslatedRoute): RouteNeeds {
  return { clusters: needs, secrets };
}

/** What is wrong with the latest version, then with the one that is served in its place, each thing once. */
function findingsOf({ latest, servedSource, served, faults }: RouteEntry): readonly Finding[] {
  const { findings } = served.report;
  if (latest === servedSource) return findings;
  const told = new Set(faults.map(({ code, origin }) => `${code} ${origin.fieldPath}`));
  const left = findings.filter(({ code, origin }) => !told.has(`${code} ${origin.fieldPath}`));
  // The text of the served version is gone: the nearest place in the one that took its place is shown.
  return [
    ...faults,
    ...left.map((finding) => ({ ...finding, origin: latest.origin(finding.origin.fieldPath) })),
  ];
}
