import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../command.ts';
import { buildPortreeveImage, type Cluster } from '../index.ts';

export const root = join(import.meta.dirname, '../../..');
export const chart = join(root, 'helm/portreeve');

/** Values of the chart, as values.yaml nests them. */
export type Values = Readonly<Record<string, unknown>>;

/** An object that the chart renders. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Arguments that give helm these values, types kept. */
export function valueArguments(values: Values): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [
    '--set-json',
    `${name}=${JSON.stringify(value)}`,
  ]);
}

/** Objects of a YAML text. */
export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** What helm renders for a release `gate` in a namespace. @throws CommandError */
export function render(cluster: Cluster, values: Values, namespace: string): Promise<string> {
  return cluster.helm('template', 'gate', chart, '--namespace', namespace, ...valueArguments(values));
}

/** Values that make pods run the image that {@link loadPortreeve} builds. */
export const imageValues: Values = {
  image: { repository: 'portreeve.test/portreeve', tag: 'chart', pullPolicy: 'Never' },
};

/** Builds our image of the tree that the Dockerfile has too, and hands it to the node. @param scratch a folder for it */
export async function loadPortreeve(cluster: Cluster, scratch: string): Promise<void> {
  const tree = join(scratch, 'tree');
  const archive = join(scratch, 'portreeve.tar');
  await runCommand(process.execPath, [join(root, 'scripts/image-tree.ts'), tree]);
  await buildPortreeveImage({
    tree,
    archive,
    reference: 'portreeve.test/portreeve:chart',
    config: { entrypoint: ['/usr/local/bin/node', '/app/main.js'], cmd: ['controller'] },
  });
  await cluster.loadImage(archive);
}
