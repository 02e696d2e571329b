import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import { withLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { type GoModule, goModules } from './versions.ts';

const buildRoot = fileURLToPath(new URL('./build/', import.meta.url));

/** Paths of the programs of the cluster by name, and the folders that hold them, for `PATH`. */
export interface Binaries {
  readonly directories: readonly string[];
  /** @throws Error for a name that none of the modules makes */
  path(program: string): string;
}

/** Where built programs are kept: `${XDG_CACHE_HOME:-~/.cache}/portreeve/cluster`. */
export function cacheRoot(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'portreeve', 'cluster');
}

/** Builds what is not in the cache yet, one module after the other, and says where everything is. */
export async function ensureBinaries(
  progress: Progress,
  modules: readonly GoModule[] = goModules,
): Promise<Binaries> {
  const programs = new Map<string, string>();
  const directories: string[] = [];
  for (const module of modules) {
    const directory = await ensureModule(module, progress);
    directories.push(directory);
    for (const { name } of module.programs) programs.set(name, join(directory, name));
  }
  return {
    directories,
    path(program) {
      const found = programs.get(program);
      if (found === undefined) throw new Error(`no module that was asked for makes a program "${program}"`);
      return found;
    },
  };
}

/** Path of a program that is in the cache already; null when it is not, and would have to be built. */
export function builtProgram(name: string): string | null {
  const module = goModules.find(({ programs }) => programs.some((program) => program.name === name));
  if (module === undefined) throw new Error(`no module makes a program "${name}"`);
  const path = join(directoryOf(module), name);
  return existsSync(path) ? path : null;
}

function directoryOf(module: GoModule): string {
  return join(cacheRoot(), `${module.name}-${moduleHash(module)}`);
}

async function ensureModule(module: GoModule, progress: Progress): Promise<string> {
  const directory = directoryOf(module);
  if (existsSync(directory)) return directory;
  mkdirSync(cacheRoot(), { recursive: true });
  const onWait = (): void => progress(`${module.name}: another process is building it`);
  await withLock(`${directory}.lock`, onWait, async () => {
    if (!existsSync(directory)) await build(module, directory, progress);
  });
  return directory;
}

/** One hash a module, so that a new version of one costs no build of another. */
function moduleHash(module: GoModule): string {
  const hash = createHash('sha256').update(JSON.stringify([module, process.platform, process.arch]));
  const folder = join(buildRoot, module.name);
  for (const file of readdirSync(folder).sort()) {
    if (/\.(go|mod|sum)$/.test(file)) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function build(module: GoModule, directory: string, progress: Progress): Promise<void> {
  progress(`${module.name}: building (all of them together take about ten minutes, once a machine)`);
  const start = performance.now();
  const temporary = mkdtempSync(`${directory}.building-`);
  try {
    const variables = Object.entries(module.variables).map(([name, value]) => `-X ${name}=${value}`);
    const ldflags = ['-s', '-w', ...variables].join(' ');
    await goBuild(module, ['-trimpath', '-ldflags', ldflags, '-o', `${temporary}/`, module.target]);
    for (const { name, builtAs } of module.programs) {
      if (builtAs !== undefined) renameSync(join(temporary, builtAs), join(temporary, name));
      if (!existsSync(join(temporary, name))) throw new Error(`${module.name}: the build made no ${name}`);
    }
    renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  progress(`${module.name}: built in ${Math.round((performance.now() - start) / 1000)} s`);
}

/** Static programs (no C), as the images of two of them hold nothing else; `nice`, as people work beside it. */
async function goBuild(module: GoModule, args: readonly string[]): Promise<void> {
  try {
    await runCommand('nice', ['go', 'build', ...args], {
      cwd: join(buildRoot, module.name),
      env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false' },
    });
  } catch (error) {
    const hint = 'needed: Go 1.26 or later in PATH, and a Go module proxy (GOPROXY)';
    throw new Error(`cannot build ${join(dirname(buildRoot), 'build', module.name)}; ${hint}`, {
      cause: error,
    });
  }
}
