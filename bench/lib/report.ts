import type { ConfigResult } from '../config.ts';
import type { HttpResult } from '../http.ts';
import type { MemoryResult } from '../memory.ts';
import type { Spread } from './stats.ts';

/** All that one run measured; null where it was not asked for. */
export interface BenchReport {
  readonly machine: string;
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly loadAverage: number;
  readonly http: readonly HttpResult[] | null;
  /** JWT, rate limit, CORS, header changes and access log at once. */
  readonly chain: readonly HttpResult[] | null;
  /** The same requests where there are few Consumers, and many. */
  readonly consumers: readonly HttpResult[] | null;
  readonly memory: readonly MemoryResult[] | null;
  readonly config: ConfigResult | null;
}

const MB = 1024 * 1024;

/** Markdown that can be pasted in docs/performance.md. */
export function markdown(report: BenchReport): string {
  const lines = [
    `${report.date}. ${report.machine}. Load average before: ${report.loadAverage.toFixed(2)}.`,
    '',
  ];
  if (report.http !== null) lines.push(...httpTable(report.http, report.rounds, report.seconds));
  if (report.chain !== null) lines.push(...chainTable(report.chain));
  if (report.consumers !== null) lines.push(...consumersTable(report.consumers));
  if (report.memory !== null) lines.push(...memoryTable(report.memory));
  if (report.config !== null) lines.push(...configTable(report.config));
  return lines.join('\n');
}

function httpTable(results: readonly HttpResult[], rounds: number, seconds: number): string[] {
  const lines = [
    `Median (lowest–highest) of ${rounds} rounds of ${seconds} s.`,
    '',
    '| work | proxy | requests/s | CPU µs/request | × nginx | p50 ms | p99 ms | p99.9 ms | peak MB |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { title, peer, spread, ratio, errors, work } of results) {
    // Too few downloads for a tail.
    const tails = work === 'stream' ? ['–', '–'] : [ms(spread.p99Us), ms(spread.p999Us)];
    const cells = [
      title,
      errors === 0 ? peer : `${peer} (${errors} errors)`,
      figure(spread.requestsPerS, 1, spread.requestsPerS.median < 100 ? 1 : 0),
      figure(spread.cpuUs, 1, spread.cpuUs.median < 1000 ? 1 : 0),
      ratio === null ? '–' : figure(ratio, 1, 2),
      ms(spread.p50Us),
      ...tails,
      (spread.peakBytes.median / MB).toFixed(0),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return [...lines, ''];
}

function chainTable(results: readonly HttpResult[]): string[] {
  const lines = [
    '| the chain of policies | requests/s | CPU µs/request | × nginx | × the cheaper other | p50 ms | p99 ms | peak MB |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { peer, spread, ratio, ratioToCheapest, errors } of results) {
    const cells = [
      errors === 0 ? peer : `${peer} (${errors} errors)`,
      figure(spread.requestsPerS, 1, 0),
      figure(spread.cpuUs, 1, 1),
      ratio === null ? '–' : figure(ratio, 1, 2),
      ratioToCheapest === null ? '–' : figure(ratioToCheapest, 1, 2),
      ...[ms(spread.p50Us), ms(spread.p99Us), (spread.peakBytes.median / MB).toFixed(0)],
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return [...lines, ''];
}

function consumersTable(results: readonly HttpResult[]): string[] {
  const lines = [
    '| all call in turn | requests/s | CPU µs/request | × the other | p50 ms | p99 ms | peak MB |',
    '|---|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { peer, spread, ratioToCheapest, errors } of results) {
    const cells = [
      errors === 0 ? peer : `${peer} (${errors} errors)`,
      figure(spread.requestsPerS, 1, 0),
      figure(spread.cpuUs, 1, 1),
      ratioToCheapest === null ? '–' : figure(ratioToCheapest, 1, 2),
      ...[ms(spread.p50Us), ms(spread.p99Us), (spread.peakBytes.median / MB).toFixed(0)],
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return [...lines, ''];
}

function memoryTable(results: readonly MemoryResult[]): string[] {
  const lines = [
    '| proxy | resident MB | + for 1 GB down, MB | + for 1 GB up, MB | bytes per idle connection |',
    '|---|---:|---:|---:|---:|',
  ];
  for (const each of results) {
    const cells = [each.startBytes, each.downGrowthBytes, each.upGrowthBytes].map((bytes) =>
      (bytes / MB).toFixed(1),
    );
    lines.push(`| ${[each.peer, ...cells, each.bytesPerIdleConnection.toFixed(0)].join(' | ')} |`);
  }
  return [...lines, ''];
}

function configTable({ routes, files, startMs, startCpuMs, changeMs, changes }: ConfigResult): string[] {
  const row = (title: string, { median, min, max }: Spread, digits: number) =>
    `| ${[title, ...[median, min, max].map((value) => value.toFixed(digits))].join(' | ')} |`;
  return [
    `| ${routes} routes in ${files} files | median | lowest | highest |`,
    '|---|---:|---:|---:|',
    row('process start to first answer, ms', startMs, 0),
    row('CPU time of it, ms', startCpuMs, 0),
    row(`one changed file live (${changes} changes; 95 %: ${changeMs.p95.toFixed(1)}), ms`, changeMs, 1),
    '',
  ];
}

function figure({ median, min, max }: Spread, divisor: number, digits: number): string {
  const [a, b, c] = [median, min, max].map((value) => (value / divisor).toFixed(digits));
  return `${a} (${b}–${c})`;
}

function ms(spread: Spread): string {
  return (spread.median / 1000).toFixed(2);
}
