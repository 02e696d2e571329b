/**
 * Writes what the container image holds beside Node and its libraries: `node scripts/image-tree.ts FOLDER`. The
 * Dockerfile and the cluster tests make their images of it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const [folder] = process.argv.slice(2);

if (folder === undefined) {
  console.error('Say where to: node scripts/image-tree.ts FOLDER');
  process.exitCode = 2;
} else {
  rmSync(folder, { recursive: true, force: true });
  const app = join(folder, 'app');
  mkdirSync(app, { recursive: true });
  const rolldown = join(root, 'node_modules/.bin/rolldown');
  execFileSync(rolldown, ['-c', 'rolldown.config.ts', '--dir', app], { cwd: root, stdio: 'inherit' });
  // Of use only with the sources beside them.
  for (const map of globSync('*.map', { cwd: app })) rmSync(join(app, map));
  const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // `type` saves Node from parsing each file twice to find out.
  writeFileSync(join(app, 'package.json'), `${JSON.stringify({ name, version, license, type }, null, 2)}\n`);
  // Packages of native code, with the binary of this platform.
  cpSync(join(root, 'node_modules/@node-rs'), join(app, 'node_modules/@node-rs'), {
    recursive: true,
    dereference: true,
  });
  cpSync(join(root, 'LICENSE'), join(app, 'LICENSE'));
}
