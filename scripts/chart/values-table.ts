import type { DocumentedValue } from './values-comments.ts';

/** A Markdown table of the values: what can be set, what it is by default, what it is for. */
export function valuesTable(values: readonly DocumentedValue[]): string {
  const rows = values
    .filter((value) => !value.isGroup)
    .map(
      ({ path, fallback, description }) =>
        `| \`${path.join('.')}\` | ${shown(fallback)} | ${cell(description)} |`,
    );
  return ['| value | default | |', '|---|---|---|', ...rows, ''].join('\n');
}

function shown(fallback: unknown): string {
  return fallback === '' ? '' : `\`${cell(JSON.stringify(fallback))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
