import type { Origin } from '../ir/origin.ts';
import type { PathMatch, RouteIr, RouteMatch } from '../ir/route.ts';
import { conditionCount } from './conditions.ts';
import { type Rank, rankOf } from './entry.ts';
import { compareRanks } from './precedence.ts';

/** A match that never wins a request, and one that takes all of them. */
export interface Shadowed {
  /** The rule's origin with `.matches[n]`, as is `by`. */
  readonly origin: Origin;
  /** What goes first, under the first of the route's hosts. */
  readonly by: Origin;
}

/** A match, and by what it is shadowed under how many of its hosts. */
interface Candidate {
  readonly rank: Rank;
  readonly route: RouteIr;
  readonly hosts: readonly string[];
  shadowedHosts: number;
  by: Candidate | null;
}

/**
 * Finds matches that can never win, because under every host of the route one other match takes all of
 * their requests:
 * - it has the same path pattern, goes first and asks for no more; or
 * - it is a prefix without any condition, and the shadowed one is a regular expression whose literal
 *   beginning lies below that prefix: regular expressions come last.
 *
 * What only several others take together is not found.
 */
export function findShadowed(routes: readonly RouteIr[]): readonly Shadowed[] {
  const candidates = routes.flatMap(candidatesOf);
  const groups: Groups = new Map();
  for (const candidate of candidates) {
    const key = groupKey(candidate.rank);
    for (const host of candidate.hosts) addTo(groups, host + key, candidate);
  }
  for (const group of groups.values()) if (Array.isArray(group)) compareGroup(group);
  for (const candidate of candidates) {
    if (candidate.rank.match.path.kind === 'regex') compareRegex(candidate, groups);
  }
  return candidates
    .filter(({ by, shadowedHosts, hosts }) => by !== null && shadowedHosts === hosts.length)
    .map((one) => ({ origin: originOf(one), by: originOf(one.by!) }));
}

/** Matches of one host, path pattern and set of conditions; most stand alone, without an array. */
type Groups = Map<string, Candidate | Candidate[]>;

function candidatesOf(route: RouteIr): Candidate[] {
  const hosts = route.hosts.length === 0 ? [''] : [...new Set(route.hosts)];
  return route.rules.flatMap(({ matches }, ruleIndex) =>
    matches.map((_, matchIndex) => {
      const rank = rankOf(route, ruleIndex, matchIndex);
      return { rank, route, hosts, shadowedHosts: 0, by: null };
    }),
  );
}

/** Whoever goes first wins what both take. */
function compareGroup(group: Candidate[]): void {
  group.sort((a, b) => compareRanks(a.rank, b.rank).order);
  // Holds one for each combination of methods and listeners, so it stays short.
  const winning: Candidate[] = [];
  for (const candidate of group) {
    const by = winning.find((one) => covers(one, candidate));
    if (by === undefined) winning.push(candidate);
    else shadow(candidate, by);
  }
}

function compareRegex(candidate: Candidate, groups: Groups): void {
  // Shadowed under a host by its own like already: it is not counted twice.
  if (candidate.by !== null) return;
  const prefixes = prefixesOf(candidate.rank.match.path);
  for (const host of candidate.hosts) {
    const open = prefixes.flatMap((prefix) => groups.get(host + prefixKey(prefix)) ?? []);
    const by = open.find((one) => covers(one, candidate));
    if (by !== undefined) shadow(candidate, by);
  }
}

function shadow(candidate: Candidate, by: Candidate): void {
  candidate.shadowedHosts++;
  candidate.by ??= by;
}

/** Whatever listener and method `other` takes, `one` takes too. */
function covers(one: Candidate, other: Candidate): boolean {
  return (
    includesAll(one.route.listeners, other.route.listeners) &&
    includesAll(one.rank.match.methods, other.rank.match.methods)
  );
}

/** An empty list stands for everything. */
function includesAll(list: readonly string[], others: readonly string[]): boolean {
  if (list.length === 0) return true;
  return others.length > 0 && others.every((other) => list.includes(other));
}

/** The same for patterns that take the same paths, with the same conditions. */
function groupKey({ match, segments }: Rank): string {
  const { path } = match;
  const conditions = conditionKey(match);
  if (path.kind === 'prefix') return prefixKey(path.value) + conditions;
  if (path.kind === 'exact') return ` exact ${path.value} ${conditions}`;
  if (path.kind === 'regex') return ` regex ${path.pattern} ${conditions}`;
  // Names of parameters do not count.
  return ` template ${segments.map((segment) => segment ?? '{}').join('/')} ${conditions}`;
}

function prefixKey(value: string): string {
  return ` prefix ${value} `;
}

/**
 * The same for matches with the same conditions; of methods only whether there are any. Matches with more
 * conditions go first, so only those with as many can take all of each other's requests.
 */
function conditionKey(match: RouteMatch): string {
  if (conditionCount(match) === 0) return '';
  const { headers, query, cookies, claims, clientAddresses } = match;
  const tests = [headers, query, cookies, claims].map((list) =>
    list.map((one) => JSON.stringify(one)).sort(),
  );
  return JSON.stringify([match.methods.length > 0, tests, clientAddresses.toSorted()]);
}

/** Prefixes below which lies every path that the pattern takes. */
function prefixesOf(path: PathMatch): readonly string[] {
  if (path.kind !== 'regex') return [];
  const segments = literalBeginning(path.pattern).split('/').slice(1, -1);
  return ['/', ...segments.map((_, i) => `/${segments.slice(0, i + 1).join('/')}`)];
}

/** Text with which every match of the pattern begins; empty when there is an alternative anywhere. */
function literalBeginning(pattern: string): string {
  if (pattern.includes('|')) return '';
  // Up to the first character with a meaning; a quantifier takes the character before it along.
  return /^\^?([\w/~-]*)(?![*?{])/.exec(pattern)?.[1] ?? '';
}

function addTo(groups: Groups, key: string, candidate: Candidate): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, candidate);
  else if (Array.isArray(group)) group.push(candidate);
  else groups.set(key, [group, candidate]);
}

function originOf({ rank, route }: Candidate): Origin {
  const { origin } = route.rules[rank.ruleIndex]!;
  return { ...origin, fieldPath: `${origin.fieldPath}.matches[${rank.matchIndex}]` };
}
