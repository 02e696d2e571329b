import type { NamedTest, RouteMatch, ValueTest } from '../ir/route.ts';
import { matcher } from '../lib/cidr.ts';
import { compilePattern } from '../lib/pattern.ts';
import type { Loss, MatchInput } from './table.ts';

/** One test that a request must pass besides host, path, listener and method. */
export interface Condition {
  /** What `explain` says when it fails. */
  readonly loss: Loss;
  test(input: MatchInput): boolean;
}

type TestText = (value: string | null) => boolean;

/**
 * Compiles the tests of a match, in the order in which they run.
 * @throws PatternError, or Error of a CIDR block that can't be read.
 */
export function compileConditions(match: RouteMatch): readonly Condition[] {
  const conditions: Condition[] = [];
  if (match.clientAddresses.length > 0) {
    const inBlocks = matcher(match.clientAddresses);
    conditions.push({
      loss: { reason: 'clientAddress' },
      test: (input) => inBlocks(input.clientAddress),
    });
  }
  for (const named of match.headers) conditions.push(headerCondition(named));
  for (const named of match.query) conditions.push(queryCondition(named));
  for (const named of match.cookies) conditions.push(cookieCondition(named));
  for (const named of match.claims) conditions.push(claimCondition(named));
  return conditions;
}

/** How many conditions a match has for precedence: a method list and an address list count one each. */
export function conditionCount(match: RouteMatch): number {
  const { methods, clientAddresses, headers, query, cookies, claims } = match;
  const lists = (methods.length > 0 ? 1 : 0) + (clientAddresses.length > 0 ? 1 : 0);
  return lists + headers.length + query.length + cookies.length + claims.length;
}

/**
 * Several lines of a header are tested as one value, joined by `, ` (RFC 9110 section 5.3), never line by
 * line: a client that adds a line of its own can make an exact test fail, but never make it pass.
 */
function headerCondition({ name, test }: NamedTest): Condition {
  const passes = compileTest(test);
  return { loss: { reason: 'header', name }, test: (input) => passes(input.header(name)) };
}

function queryCondition({ name, test }: NamedTest): Condition {
  const passes = compileTest(test);
  return { loss: { reason: 'query', name }, test: (input) => passes(input.queryParam(name)) };
}

function cookieCondition({ name, test }: NamedTest): Condition {
  const passes = compileTest(test);
  return { loss: { reason: 'cookie', name }, test: (input) => passes(input.cookie(name)) };
}

/** A claim that is a list passes when one of its elements does; objects only pass `present`. */
function claimCondition({ name, test }: NamedTest): Condition {
  const loss: Loss = { reason: 'claim', name };
  if (test.kind === 'present') return { loss, test: (input) => claimOf(input, name) !== null };
  if (test.kind === 'absent') return { loss, test: (input) => claimOf(input, name) === null };
  const passes = compileTest(test);
  return {
    loss,
    test(input) {
      const claim = claimOf(input, name);
      return Array.isArray(claim) ? claim.some((element) => passes(textOf(element))) : passes(textOf(claim));
    },
  };
}

function claimOf(input: MatchInput, name: string): unknown {
  return input.claim(name) ?? null;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function compileTest(test: ValueTest): TestText {
  switch (test.kind) {
    case 'exact':
      return (value) => value === test.value;
    case 'prefix':
      return (value) => value?.startsWith(test.value) ?? false;
    case 'regex': {
      const pattern = compilePattern(test.pattern);
      return (value) => value !== null && pattern.test(value);
    }
    case 'present':
      return (value) => value !== null;
    case 'absent':
      return (value) => value === null;
  }
}
