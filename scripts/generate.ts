/**
 * Writes what is made from the schemas: `crds/`, `docs/reference/` and parts of the Helm chart; and `deploy/portreeve.yaml`, which
 * helm makes of the chart, where there is helm. With `--check` it writes nothing and fails when a file differs from what it
 * would write; with `--helm` also when there is no helm.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { policyCatalogue } from '../src/policies/index.ts';
import { generatedFiles } from '../src/resources/generated-files.ts';
import { chartFiles } from './chart/files.ts';
import { findHelm, MANIFESTS, manifests } from './chart/manifests.ts';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

function current(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const ofSchemas = generatedFiles(policyCatalogue);
const crds = new Map([...ofSchemas].filter(([path]) => path.startsWith('crds/')));
const files = new Map([...ofSchemas, ...chartFiles(root, policyCatalogue, crds)]);

const drifted: string[] = [];
function bring(path: string, text: string): void {
  const file = join(root, path);
  if (current(file) === text) return;
  drifted.push(path);
  if (check) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

for (const [path, text] of files) bring(path, text);
const helm = findHelm();
// It reads files of the chart that were written just now.
if (helm !== null) bring(MANIFESTS, manifests(root, helm));
else if (process.argv.includes('--helm'))
  throw new Error('helm is not in PATH, and was not built for the tests');

if (check && drifted.length > 0) {
  console.error(`Not as their sources say: ${drifted.join(', ')}. Run: node scripts/generate.ts`);
  process.exitCode = 1;
} else {
  console.log(drifted.length === 0 ? 'Nothing to change.' : `Wrote ${drifted.join(', ')}.`);
}
