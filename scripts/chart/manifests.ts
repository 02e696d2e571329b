import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { builtProgram } from '../../test/cluster/binaries.ts';

/** Made of the chart. */
export const MANIFESTS = 'deploy/portreeve.yaml';
const NAMESPACE = 'portreeve';
const HEADER = '# Made from helm/portreeve by `npm run generate`, where helm is; do not edit.\n';

const namespace = `---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    app.kubernetes.io/name: portreeve
    pod-security.kubernetes.io/enforce: restricted
`;

/** Path of helm: the one that was built for the tests' cluster, whose version is ours, else of `PATH`; null where there is none. */
export function findHelm(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return builtProgram('helm') ?? folders.map((folder) => join(folder, 'helm')).find(existsSync) ?? null;
}

/** What helm renders with the chart's default values, without what says that a release owns it. */
export function manifests(root: string, helm: string): string {
  const chart = join(root, 'helm/portreeve');
  const args = ['template', 'portreeve', chart, '--namespace', NAMESPACE, '--skip-tests'];
  const text = execFileSync(helm, args, { encoding: 'utf8' });
  const ofHelm = /^ *(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n|^# Source: .*\n/gm;
  return `${HEADER}${namespace}${text.replace(ofHelm, '')}`;
}
