import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayConfigSchema } from '../../src/resources/config/schema.ts';
import type { PolicyDescriptions } from '../../src/resources/gateway-route/schema.ts';
import { dashboard } from './dashboard.ts';
import { documentedValues } from './values-comments.ts';
import { valuesSchema } from './values-schema.ts';
import { valuesTable } from './values-table.ts';

const CHART = 'helm/portreeve';
const GUIDE = 'docs/kubernetes.md';

/**
 * The files of the chart and of `deploy/` that are made from others, and the page with the table of values: text by path in the repository.
 * @param crds the CustomResourceDefinitions, by path `crds/NAME`
 */
export function chartFiles(
  root: string,
  policies: PolicyDescriptions,
  crds: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const values = documentedValues(readFileSync(join(root, CHART, 'values.yaml'), 'utf8'));
  const files = new Map<string, string>();
  for (const [path, text] of crds) files.set(`${CHART}/${path}`, text);
  files.set('deploy/crds.yaml', [...crds.values()].map((text) => `---\n${text}`).join(''));
  files.set(`${CHART}/values.schema.json`, json(valuesSchema(values, gatewayConfigSchema(policies))));
  files.set(`${CHART}/files/dashboard.json`, json(dashboard()));
  files.set(GUIDE, withTable(readFileSync(join(root, GUIDE), 'utf8'), valuesTable(values)));
  return files;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const TABLE = /(<!-- values: made from helm\/portreeve\/values\.yaml -->\n)[\s\S]*?(<!-- end of values -->)/;

function withTable(page: string, table: string): string {
  if (!TABLE.test(page)) throw new Error(`${GUIDE} has no place for the table of values`);
  return page.replace(TABLE, (_, begin: string, end: string) => `${begin}${table}${end}`);
}
