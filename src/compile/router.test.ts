import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { NamedTest, PathMatch, RouteIr, RouteMatch } from '../ir/route.ts';
import { TableBuilder } from './builder.ts';
import type { CompiledEntry, MatchInput, RoutingTable } from './table.ts';
import { inputOf, routeOfRules, testEnv } from './testing.ts';

/* Small alphabets, so that matches collide all the time. */

const HOSTS = ['a.com', 'b.a.com', '*.a.com', '*.b.a.com', '*.com'];
const REQUEST_HOSTS = ['a.com', 'b.a.com', 'c.b.a.com', 'd.c.b.a.com', 'x.com', 'com', '.com', 'z.org', ''];
const PATTERNS = ['/a.*', '/[ab]+', '.*', '/a/b', '/(a|b)/b', '(a+)+$'];

const text = fc.constantFrom('a', 'b');
const path: fc.Arbitrary<PathMatch> = fc.oneof(
  fc
    .array(text, { maxLength: 3 })
    .chain((parts) =>
      fc.constantFrom<PathMatch>(
        { kind: 'exact', value: `/${parts.join('/')}` },
        { kind: 'exact', value: parts.length === 0 ? '/' : `/${parts.join('/')}/` },
        { kind: 'prefix', value: `/${parts.join('/')}` },
      ),
    ),
  fc
    .array(fc.constantFrom('a', 'b', '{x}', '{y}'), { minLength: 1, maxLength: 3 })
    .map((parts): PathMatch => ({ kind: 'template', value: `/${parts.join('/')}` })),
  fc.constantFrom(...PATTERNS).map((pattern): PathMatch => ({ kind: 'regex', pattern })),
);

const namedTest: fc.Arbitrary<NamedTest> = fc.record({
  name: fc.constantFrom('x', 'y'),
  test: fc.constantFrom<NamedTest['test']>(
    { kind: 'exact', value: '1' },
    { kind: 'prefix', value: '1' },
    { kind: 'regex', pattern: '[12]' },
    { kind: 'present' },
    { kind: 'absent' },
  ),
});
const tests = fc.oneof(
  { weight: 5, arbitrary: fc.constant<NamedTest[]>([]) },
  { weight: 1, arbitrary: fc.array(namedTest, { minLength: 1, maxLength: 2 }) },
);
const match: fc.Arbitrary<RouteMatch> = fc.record({
  path,
  methods: fc.constantFrom<string[]>([], [], ['GET'], ['GET', 'POST']),
  headers: tests,
  query: tests,
  cookies: tests,
  clientAddresses: fc.constantFrom<string[]>([], [], [], ['127.0.0.0/8'], ['10.0.0.1', '::1']),
  claims: tests,
});

/** A route by its number; two of the same number are two versions of one route. */
const route: fc.Arbitrary<RouteIr> = fc
  .record({
    number: fc.nat(9),
    rules: fc.array(fc.array(match, { maxLength: 2 }), { minLength: 1, maxLength: 2 }),
    hosts: fc.uniqueArray(fc.constantFrom(...HOSTS), { maxLength: 2 }),
    listeners: fc.constantFrom<string[]>([], [], ['http'], ['https']),
    createdAtMs: fc.nat(1),
  })
  .map(({ number, rules, ...more }) =>
    routeOfRules(
      `r${number}`,
      rules.map((matches) => ({ matches })),
      more,
    ),
  );

const values = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2', '12', '1, 1'));
const request: fc.Arbitrary<MatchInput> = fc
  .record({
    host: fc.constantFrom(...REQUEST_HOSTS),
    segments: fc.array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 }),
    slash: fc.boolean(),
    method: fc.constantFrom('GET', 'POST'),
    listener: fc.constantFrom('http', 'https'),
    clientAddress: fc.constantFrom('127.0.0.1', '::1', '::ffff:127.0.0.2'),
    headers: values,
    query: values,
    cookies: values,
    claims: values,
  })
  .map(({ segments, slash, ...rest }) =>
    inputOf({ ...rest, path: `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}` }),
  );

/* The model: every match is asked, those that fit are sorted by the precedence of docs/routing.md. */

interface Fit {
  readonly route: RouteIr;
  readonly rule: number;
  readonly index: number;
  readonly match: RouteMatch;
  readonly host: string;
}

function allOf(routes: readonly RouteIr[]): Fit[] {
  return routes.flatMap((one) =>
    one.rules.flatMap(({ matches }, rule) =>
      matches.flatMap((m, index) =>
        (one.hosts.length === 0 ? [''] : one.hosts).map((host) => ({
          route: one,
          rule,
          index,
          match: m,
          host,
        })),
      ),
    ),
  );
}

function hostFits(pattern: string, host: string): boolean {
  if (pattern === '') return true;
  if (!pattern.startsWith('*.')) return host === pattern;
  return new RegExp(`^.+\\.${pattern.slice(2).replaceAll('.', '\\.')}$`).test(host);
}

function pathFits(pattern: PathMatch, value: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return pattern.value === value;
    case 'prefix':
      return pattern.value === '/' || value === pattern.value || value.startsWith(`${pattern.value}/`);
    case 'template':
      return new RegExp(`^${pattern.value.replace(/\{.\}/g, '[^/]+')}$`).test(value);
    case 'regex':
      // The patterns of this test mean the same to RE2 and, on short paths, harm nobody here.
      return new RegExp(`^(?:${pattern.pattern})$`).test(value);
  }
}

function testFits({ name, test: how }: NamedTest, ask: (name: string) => unknown): boolean {
  const value = ask(name) ?? null;
  if (how.kind === 'present') return value !== null;
  if (how.kind === 'absent') return value === null;
  if (typeof value !== 'string') return false;
  if (how.kind === 'exact') return value === how.value;
  return how.kind === 'prefix' ? value.startsWith(how.value) : /^[12]$/.test(value);
}

function fits({ route: one, match: m, host }: Fit, input: MatchInput): boolean {
  const addresses: Record<string, string> = { '::1': '::1', '127.0.0.1': '127.0.0.0/8' };
  const block = addresses[input.clientAddress] ?? '127.0.0.0/8';
  return (
    hostFits(host, input.host) &&
    pathFits(m.path, input.path) &&
    (one.listeners.length === 0 || one.listeners.includes(input.listener)) &&
    (m.methods.length === 0 || m.methods.includes(input.method)) &&
    (m.clientAddresses.length === 0 || m.clientAddresses.includes(block)) &&
    m.headers.every((t) => testFits(t, (name) => input.header(name))) &&
    m.query.every((t) => testFits(t, (name) => input.queryParam(name))) &&
    m.cookies.every((t) => testFits(t, (name) => input.cookie(name))) &&
    m.claims.every((t) => testFits(t, (name) => input.claim(name)))
  );
}

/** Compared as a text, smaller goes first. */
function sortKey({ route: one, rule, index, match: m, host }: Fit): string {
  const number = (n: number) => String(n).padStart(6, '0');
  const hostPart = host === '' ? '2' : host.startsWith('*') ? `1${number(999 - host.length)}` : '0';
  const kind = { exact: '0', template: '1', prefix: '1', regex: '2' }[m.path.kind];
  const pathPart =
    m.path.kind === 'regex'
      ? number(999 - m.path.pattern.length)
      : // Text 0, parameter 1, end of the pattern 2: by template, then by prefix.
        `${m.path.value
          .split('/')
          .slice(1)
          .filter((part) => part !== '' || m.path.kind === 'exact')
          .map((part) => (part.startsWith('{') ? '1' : '0'))
          .join('')}2${m.path.kind === 'prefix' ? '1' : '0'}`;
  const tested = [m.headers, m.query, m.cookies, m.claims].flat().length;
  const conditions = tested + Math.min(1, m.methods.length) + Math.min(1, m.clientAddresses.length);
  const age = number(one.createdAtMs);
  return [hostPart, kind, pathPart, number(99 - conditions), age, one.key, rule, index].join(' ');
}

function nameOf(fit: Fit): string {
  return `${fit.host} ${fit.route.key} ${fit.rule} ${fit.match.path.kind} ${JSON.stringify(fit.match)}`;
}

function modelMatch(routes: readonly RouteIr[], input: MatchInput): string | null {
  const sorted = allOf(routes)
    .filter((fit) => fits(fit, input))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  return sorted[0] === undefined ? null : nameOf(sorted[0]);
}

function nameOfEntry(entry: CompiledEntry<string> | null): string | null {
  if (entry === null) return null;
  const { route: one, ir } = entry.rule;
  return nameOf({ route: one, rule: Number(ir.name), index: 0, match: entry.match, host: entry.host });
}

function tableOf(routes: readonly RouteIr[]): RoutingTable<string> {
  const delta = { ...NO_CHANGE, upsertRoutes: routes };
  return new TableBuilder(testEnv()).apply(delta, 1).table;
}

const routes = fc.uniqueArray(route, { maxLength: 10, selector: ({ key }) => key });
const requests = fc.array(request, { minLength: 1, maxLength: 20 });

test('the winner is the first of all that match, in the order of precedence', () => {
  fc.assert(
    fc.property(routes, requests, (all, inputs) => {
      const table = tableOf(all);
      expect(table.size).toBe(allOf(all).length);
      for (const input of inputs) expect(nameOfEntry(table.match(input))).toBe(modelMatch(all, input));
    }),
    { numRuns: 2000 },
  );
});

test('explain names the winner, and of each other match why it lost', () => {
  fc.assert(
    fc.property(routes, request, (all, input) => {
      const table = tableOf(all);
      const { winner, candidates } = table.explain(input, 1000);
      expect(winner).toBe(table.match(input));
      const near = allOf(all).filter(
        (fit) => hostFits(fit.host, input.host) || pathFits(fit.match.path, input.path),
      );
      expect(candidates.length + (winner === null ? 0 : 1)).toBe(near.length);
      const lost = candidates.filter(({ loss }) => loss.reason === 'precedence');
      const fitting = near.filter((fit) => fits(fit, input)).map(nameOf);
      expect(
        [...lost.map(({ entry }) => nameOfEntry(entry)), nameOfEntry(winner)]
          .filter((n) => n !== null)
          .sort(),
      ).toEqual(fitting.sort());
      expect(candidates.slice(0, lost.length)).toEqual(lost);
      expect(table.explain(input, 1).candidates).toEqual(candidates.slice(0, 1));
    }),
    { numRuns: 500 },
  );
});

const change = fc.record({
  upserts: fc.uniqueArray(route, { maxLength: 3, selector: ({ key }) => key }),
  removes: fc.array(
    fc.nat(9).map((n) => `GatewayRoute/test/r${n}`),
    { maxLength: 2 },
  ),
  /** A part of the next table, not one of its own. */
  staged: fc.boolean(),
});

test('a sequence of changes ends in the table that a build from nothing gives; earlier tables stay', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), requests, (changes, inputs) => {
      const builder = new TableBuilder(testEnv());
      const state = new Map<string, RouteIr>();
      const answers = (table: RoutingTable<string>) =>
        inputs.map((input) => {
          const { winner, candidates } = table.explain(input, 1000);
          return [nameOfEntry(winner), candidates.map(({ entry, loss }) => [nameOfEntry(entry), loss])];
        });
      const earlier: { table: RoutingTable<string>; expected: unknown }[] = [];
      changes.forEach(({ upserts, removes, staged }, i) => {
        for (const key of removes) state.delete(key);
        for (const one of upserts) state.set(one.key, one);
        const delta = { ...NO_CHANGE, upsertRoutes: upserts, removeRoutes: removes };
        if (staged) {
          builder.stage(delta);
          return;
        }
        const { table } = builder.apply(delta, i);
        const scratch = tableOf([...state.values()]);
        expect(table.generation).toBe(i);
        expect(table.size).toBe(scratch.size);
        const expected = answers(scratch);
        expect(answers(table)).toEqual(expected);
        earlier.push({ table, expected });
      });
      for (const { table, expected } of earlier) expect(answers(table)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});
