import type { RouteIr, RouteMatch } from '../ir/route.ts';
import { compilePattern } from '../lib/pattern.ts';
import { type Condition, compileConditions, conditionCount } from './conditions.ts';
import { patternOf, type Segment, segmentsOf } from './segments.ts';
import type { CompiledEntry, CompiledRule, MatchInput } from './table.ts';

/** What decides between two matches of one request; see `precedence.ts` for the order. */
export interface Rank {
  readonly match: RouteMatch;
  /** Empty for a regular expression. */
  readonly segments: readonly Segment[];
  readonly conditionCount: number;
  readonly createdAtMs: number;
  /** `namespace/name` */
  readonly routeName: string;
  readonly routeKey: string;
  readonly ruleIndex: number;
  readonly matchIndex: number;
}

export function rankOf(route: RouteIr, ruleIndex: number, matchIndex: number): Rank {
  const match = route.rules[ruleIndex]!.matches[matchIndex]!;
  const { namespace, name } = route.origin.object;
  return {
    match,
    segments: match.path.kind === 'regex' ? [] : segmentsOf(match.path),
    conditionCount: conditionCount(match),
    createdAtMs: route.createdAtMs,
    routeName: `${namespace}/${name}`,
    routeKey: route.key,
    ruleIndex,
    matchIndex,
  };
}

/** The tests of one match, compiled once and shared by its entries under several hosts. */
export interface Guard {
  /** null: every one. */
  readonly listeners: readonly string[] | null;
  readonly methods: readonly string[] | null;
  readonly conditions: readonly Condition[] | null;
}

/** @throws Error when a regular expression or a CIDR block of the match can't be used. */
export function compileGuard(route: RouteIr, match: RouteMatch): Guard {
  const conditions = compileConditions(match);
  const all = match.path.kind === 'regex' ? [pathCondition(match.path.pattern), ...conditions] : conditions;
  return {
    listeners: route.listeners.length > 0 ? route.listeners : null,
    methods: match.methods.length > 0 ? match.methods : null,
    conditions: all.length > 0 ? all : null,
  };
}

/** Regular expressions stand in no tree: the path is one condition more. */
function pathCondition(source: string): Condition {
  const pattern = compilePattern(source);
  return { loss: { reason: 'path' }, test: (input) => pattern.test(input.path) };
}

/** One match under one host, with what the router needs beside what it hands out. */
export class Entry<U> implements CompiledEntry<U>, Guard {
  readonly rule: CompiledRule<U>;
  readonly match: RouteMatch;
  readonly host: string;
  readonly pattern: string;
  readonly rank: Rank;
  readonly listeners: readonly string[] | null;
  readonly methods: readonly string[] | null;
  readonly conditions: readonly Condition[] | null;

  constructor(rule: CompiledRule<U>, host: string, rank: Rank, guard: Guard) {
    this.rule = rule;
    this.match = rank.match;
    this.host = host;
    this.pattern = patternOf(rank.match.path);
    this.rank = rank;
    this.listeners = guard.listeners;
    this.methods = guard.methods;
    this.conditions = guard.conditions;
  }
}

/** Everything but host and path (the tree has tested those) holds. */
export function accepts(guard: Guard, input: MatchInput): boolean {
  const { listeners, methods, conditions } = guard;
  if (listeners !== null && !listeners.includes(input.listener)) return false;
  if (methods !== null && !methods.includes(input.method)) return false;
  if (conditions === null) return true;
  for (let i = 0; i < conditions.length; i++) {
    if (!conditions[i]!.test(input)) return false;
  }
  return true;
}
