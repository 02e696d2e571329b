import type { PathMatch } from '../ir/route.ts';
import type { Entry, Rank } from './entry.ts';
import type { Loss } from './table.ts';

/** By what one match goes before another. */
export type PrecedenceStep = Extract<Loss, { reason: 'precedence' }>['by'];

export interface Order {
  /** Negative: the first goes first. */
  readonly order: number;
  readonly by: PrecedenceStep;
}

/**
 * The precedence of two entries that both match a request, as `docs/routing.md` tells it. The tree finds
 * entries in this order without comparing; `explain`, the sorted lists inside the tree and the report of
 * shadowed matches use this function.
 */
export function comparePrecedence<U>(a: Entry<U>, b: Entry<U>): Order {
  const host = hostRank(b.host) - hostRank(a.host);
  if (host !== 0) return { order: host, by: 'host' };
  return comparePaths(a.rank, b.rank) ?? compareRanks(a.rank, b.rank);
}

/** Exact hosts, then wildcards from the longest to the shortest, then every host. */
function hostRank(host: string): number {
  if (host === '') return 0;
  return host.startsWith('*.') ? host.length : Number.MAX_SAFE_INTEGER;
}

const KIND_CLASS: Readonly<Record<PathMatch['kind'], number>> = {
  exact: 0,
  template: 1,
  prefix: 1,
  regex: 2,
};

function comparePaths(a: Rank, b: Rank): Order | null {
  const one = a.match.path;
  const other = b.match.path;
  const kind = KIND_CLASS[one.kind] - KIND_CLASS[other.kind];
  if (kind !== 0) return { order: kind, by: 'pathKind' };
  if (one.kind === 'regex' && other.kind === 'regex') {
    const length = other.pattern.length - one.pattern.length;
    return length === 0 ? null : { order: length, by: 'pathLength' };
  }
  const segments = compareSegments(a.segments, b.segments);
  if (segments !== 0) return { order: segments, by: 'pathLength' };
  if (one.kind === other.kind) return null;
  return { order: one.kind === 'template' ? -1 : 1, by: 'pathKind' };
}

/** From the left: text before a parameter before the end of the pattern. */
function compareSegments(a: Rank['segments'], b: Rank['segments']): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = Number(a[i] === null) - Number(b[i] === null);
    if (order !== 0) return order;
  }
  return b.length - a.length;
}

/** Between matches of the same host and path pattern. Zero only for one and the same match. */
export function compareRanks(a: Rank, b: Rank): Order {
  if (a.conditionCount !== b.conditionCount) {
    return { order: b.conditionCount - a.conditionCount, by: 'conditions' };
  }
  if (a.createdAtMs !== b.createdAtMs) return { order: a.createdAtMs - b.createdAtMs, by: 'age' };
  const name = compareText(a.routeName, b.routeName) || compareText(a.routeKey, b.routeKey);
  if (name !== 0) return { order: name, by: 'name' };
  return { order: a.ruleIndex - b.ruleIndex || a.matchIndex - b.matchIndex, by: 'ruleOrder' };
}

/** By code units: the same order in every locale. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
