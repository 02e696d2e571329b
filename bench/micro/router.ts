/**
 * What the router costs by the number of routes: nanoseconds a match, when requests ask for 16 routes (the
 * steps of the walk) and for 1,024 (the processor's caches count too), milliseconds for a first build and
 * microseconds for one changed route. Bytes a route need `--expose-gc`.
 * Run: `node --expose-gc bench/micro/router.ts [largest number of routes]`
 */

import { TableBuilder } from '../../src/compile/builder.ts';
import type { MatchInput, RoutingTable } from '../../src/compile/table.ts';
import { inputOf, matchOf, routeOf, testEnv } from '../../src/compile/testing.ts';
import { NO_CHANGE } from '../../src/ir/gateway.ts';
import type { RouteIr } from '../../src/ir/route.ts';

interface Shape {
  readonly name: string;
  route(i: number): RouteIr;
  /** A request that route `i` answers. */
  request(i: number): MatchInput;
}

const inServices = (i: number) => `/api/v${i % 5}/service-${i % 997}/items-${i}`;

const SHAPES: readonly Shape[] = [
  {
    name: 'exact',
    route: (i) => routeOf(`r${i}`, [matchOf({ kind: 'exact', value: inServices(i) })]),
    request: (i) => inputOf({ path: fresh(inServices(i)) }),
  },
  {
    name: 'prefix',
    route: (i) => routeOf(`r${i}`, [matchOf({ kind: 'prefix', value: inServices(i) })]),
    request: (i) => inputOf({ path: fresh(`${inServices(i)}/detail/7`) }),
  },
  {
    name: 'template',
    route: (i) =>
      routeOf(`r${i}`, [matchOf({ kind: 'template', value: `/api/{tenant}/items-${i}/{id}/orders` })]),
    request: (i) => inputOf({ path: fresh(`/api/acme/items-${i}/4711/orders`) }),
  },
  {
    name: 'host-spread',
    route: (i) =>
      routeOf(`r${i}`, [matchOf({ kind: 'prefix', value: '/' })], { hosts: [`shop-${i}.example.com`] }),
    request: (i) => inputOf({ host: fresh(`shop-${i}.example.com`), path: '/api/v1/users/7' }),
  },
  {
    name: 'wildcard',
    route: (i) =>
      routeOf(`r${i}`, [matchOf({ kind: 'prefix', value: '/' })], { hosts: [`*.shop-${i}.example.com`] }),
    request: (i) => inputOf({ host: fresh(`eu.shop-${i}.example.com`), path: '/api/v1/users/7' }),
  },
  {
    name: 'one path, by header',
    route: (i) =>
      routeOf(`r${i}`, [
        matchOf(
          { kind: 'prefix', value: `/api/${i >> 2}` },
          {
            headers: [{ name: 'x-tenant', test: { kind: 'exact', value: `t${i & 3}` } }],
          },
        ),
      ]),
    request: (i) => inputOf({ path: fresh(`/api/${i >> 2}/x`), headers: { 'x-tenant': `t${i & 3}` } }),
  },
];

/** A string as a parser makes it: cut from a longer one, its hash not yet known. */
function fresh(text: string): string {
  return Buffer.from(`GET ${text} HTTP/1.1`).toString('latin1').slice(4, -9);
}

const MATCHES = 200_000;
const ROUNDS = 7;

/** Of the fastest round: the one that other work on the machine disturbed least. */
function nsPerMatch(table: RoutingTable<string>, shape: Shape, count: number, asked: number): number {
  const inputs = Array.from({ length: asked }, (_, k) => shape.request((k * 7919) % count));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    let missed = 0;
    const begin = performance.now();
    for (let k = 0; k < MATCHES; k++) if (table.match(inputs[k % asked]!) === null) missed++;
    best = Math.min(best, ((performance.now() - begin) * 1e6) / MATCHES);
    if (missed > 0) throw new Error(`${shape.name}: ${missed} of ${MATCHES} did not match`);
  }
  return best;
}

function measure(shape: Shape, count: number): void {
  const routes = Array.from({ length: count }, (_, i) => shape.route(i));
  const builder = new TableBuilder(testEnv());
  const apply = (upsertRoutes: readonly RouteIr[]) => builder.apply({ ...NO_CHANGE, upsertRoutes }, 1);
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const begin = performance.now();
  let { table } = apply(routes);
  const buildMs = performance.now() - begin;
  globalThis.gc?.();
  const bytes = globalThis.gc === undefined ? NaN : (process.memoryUsage().heapUsed - heapBefore) / count;
  const [few, many] = [16, 1024].map((asked) => nsPerMatch(table, shape, count, asked).toFixed(0));
  const changes = 200;
  const beginChanges = performance.now();
  for (let k = 0; k < changes; k++) ({ table } = apply([shape.route((k * 7919) % count)]));
  const applyUs = ((performance.now() - beginChanges) * 1e3) / changes;
  const cells = [count, few, many, buildMs.toFixed(1), applyUs.toFixed(1), bytes.toFixed(0)];
  console.log(shape.name.padEnd(20) + cells.map((cell) => String(cell).padStart(12)).join(''));
}

const largest = Number(process.argv[2] ?? 100_000);
const columns = ['routes', 'ns, 16', 'ns, 1,024', 'build ms', 'apply µs', 'bytes/route'];
console.log('table'.padEnd(20) + columns.map((column) => column.padStart(12)).join(''));
for (const shape of SHAPES) {
  for (const count of [10, 1_000, 10_000, 100_000]) if (count <= largest) measure(shape, count);
}
