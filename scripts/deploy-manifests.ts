/**
 * Makes `deploy/portreeve.yaml` of the Helm chart with its default values, for those who don't use Helm. Needs `helm` in PATH:
 * `node test/cluster/cluster.ts exec -- node scripts/deploy-manifests.ts`. With `--check` it writes nothing and fails
 * when the file differs from what it would write.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const chart = join(root, 'helm/portreeve');
const NAMESPACE = 'portreeve';
const HEADER = '# Made from helm/portreeve by `node scripts/deploy-manifests.ts`; do not edit.\n';

const namespace = `---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    app.kubernetes.io/name: portreeve
    pod-security.kubernetes.io/enforce: restricted
`;

/** What helm renders, without what says that a release owns it. */
function manifests(): string {
  const text = execFileSync(
    'helm',
    ['template', 'portreeve', chart, '--namespace', NAMESPACE, '--skip-tests'],
    {
      encoding: 'utf8',
    },
  );
  const ofHelm = /^ *(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n|^# Source: .*\n/gm;
  return `${HEADER}${namespace}${text.replace(ofHelm, '')}`;
}

function current(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const file = join(root, 'deploy/portreeve.yaml');
const text = manifests();
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
} else if (current(file) !== text) {
  console.error(`${file} is not as the chart says. Run: node scripts/deploy-manifests.ts`);
  process.exitCode = 1;
}
