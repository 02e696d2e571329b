import { accepts, type Entry } from './entry.ts';
import { forEachInIndex, type HostIndex } from './hostindex.ts';
import { comparePrecedence } from './precedence.ts';
import type { Candidate, Explanation, Loss, MatchInput } from './table.ts';

/** How near an entry came to winning; the nearest are shown first. */
interface Considered<U> {
  readonly entry: Entry<U>;
  readonly loss: Loss;
  /** 3: it matched; 2: host and path fit; 1: the host fits; 0: only the path does. */
  readonly nearness: number;
  /** Leading segments of the path that fit. */
  readonly sharedSegments: number;
}

/**
 * Says who wins and why the others lose, by asking every entry: for people, never on the path of requests.
 * Entries of which neither host nor path fits are left out.
 */
export function explain<U>(
  index: HostIndex<U>,
  winner: Entry<U> | null,
  input: MatchInput,
  limit: number,
): Explanation<U> {
  const considered: Considered<U>[] = [];
  forEachInIndex(index, (entry) => {
    if (entry === winner) return;
    const one = consider(entry, winner, input);
    if (one !== null) considered.push(one);
  });
  considered.sort(
    (a, b) =>
      b.nearness - a.nearness ||
      b.sharedSegments - a.sharedSegments ||
      comparePrecedence(a.entry, b.entry).order,
  );
  const candidates: Candidate<U>[] = considered.slice(0, limit).map(({ entry, loss }) => ({ entry, loss }));
  return { winner, candidates };
}

function consider<U>(entry: Entry<U>, winner: Entry<U> | null, input: MatchInput): Considered<U> | null {
  const host = hostMatches(entry.host, input.host);
  const sharedSegments = shared(entry, input.path);
  const path =
    entry.match.path.kind === 'regex' ? regexMatches(entry, input) : pathMatches(entry, input.path);
  if (!host && !path) return null;
  const loss = lossOf(entry, winner, input, host, path);
  const nearness = loss.reason === 'precedence' ? 3 : Number(host) * (path ? 2 : 1);
  return { entry, loss, nearness, sharedSegments };
}

function lossOf<U>(
  entry: Entry<U>,
  winner: Entry<U> | null,
  input: MatchInput,
  host: boolean,
  path: boolean,
): Loss {
  const { listeners, methods, conditions } = entry;
  if (listeners !== null && !listeners.includes(input.listener)) return { reason: 'listener' };
  if (!host) return { reason: 'host' };
  if (!path) return { reason: 'path' };
  if (methods !== null && !methods.includes(input.method)) return { reason: 'method' };
  const failed = conditions?.find((condition) => !condition.test(input));
  if (failed !== undefined) return failed.loss;
  if (winner === null || !accepts(entry, input)) throw new Error('a match without loss did not win');
  return { reason: 'precedence', by: comparePrecedence(winner, entry).by };
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '') return true;
  if (!pattern.startsWith('*.')) return pattern === host;
  return host.length >= pattern.length && host.endsWith(pattern.slice(1));
}

function regexMatches<U>(entry: Entry<U>, input: MatchInput): boolean {
  return entry.conditions?.[0]?.test(input) ?? false;
}

function pathMatches<U>(entry: Entry<U>, path: string): boolean {
  const { segments, match } = entry.rank;
  const count = path.split('/').length - 1;
  const longEnough = match.path.kind === 'prefix' ? count >= segments.length : count === segments.length;
  return longEnough && shared(entry, path) === segments.length;
}

function shared<U>(entry: Entry<U>, path: string): number {
  const { segments } = entry.rank;
  const parts = path.split('/').slice(1);
  const differs = segments.findIndex((segment, i) => (segment === null ? !parts[i] : segment !== parts[i]));
  return differs === -1 ? segments.length : differs;
}
