/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly target: string;
  readonly seen: string;
  /** null: there is no target. */
  readonly met: boolean | null;
}

export interface ClusterReport {
  readonly date: string;
  readonly machine: string;
  /** Of the machine before anything was measured: other programs cost time too. */
  readonly loadAverage: number;
  readonly figures: readonly Figure[];
}

/** Markdown that can be pasted in docs/performance.md. */
export function markdown({ date, machine, loadAverage, figures }: ClusterReport): string {
  return [
    `${date}. ${machine}. Load average before: ${loadAverage.toFixed(2)}.`,
    '',
    '| | target | seen | |',
    '|---|---|---|---|',
    ...figures.map(
      ({ what, target, seen, met }) =>
        `| ${what} | ${target} | ${seen} | ${met === null ? '' : met ? 'met' : 'MISSED'} |`,
    ),
  ].join('\n');
}

/** `1.2 s`, `34 ms`, `0.4 ms` */
export function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}
