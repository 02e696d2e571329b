import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PACKAGE = 'http-cache-tests';
const VERSION = '0.4.5';
/** Of the packed package: what was looked at is what runs. */
const SHA512 = 'DjuwN9nUZXLTW+wav1LRESCZNVxl8SshwOy4z1pxuWbWt5/ay6sM9QQ1lebBaDO6P1IMBoK6mdf+PuVP/QNL8A==';

/** What we use of a test's description. */
export interface CacheTest {
  readonly id: string;
  readonly name: string;
  /** Absent: required. */
  readonly kind?: 'required' | 'optimal' | 'check';
  readonly browser_only?: boolean;
}

export type Result = true | readonly [kind: string, message: string];

/** `http-cache-tests`, the suite behind cache-tests.fyi, unpacked. */
export interface CacheSuite {
  readonly folder: string;
  readonly suites: readonly { readonly tests: readonly CacheTest[] }[];
  runTests(suites: unknown, fetch: unknown, browserCache: boolean, base: string): Promise<void>;
  getResults(): Readonly<Record<string, Result>>;
}

/**
 * Fetches the suite once for all checkouts. It is no dependency of ours: it depends on an npm of long ago, which none of
 * what runs here needs.
 */
export async function openSuite(): Promise<CacheSuite> {
  const folder = path.join(cacheFolder(), `${PACKAGE}-${VERSION}`);
  if (!existsSync(folder)) await fetchSuite(folder);
  const load = (file: string) => import(pathToFileURL(path.join(folder, file)).href) as Promise<never>;
  const { default: suites } = (await load('tests/index.mjs')) as { default: CacheSuite['suites'] };
  const { runTests, getResults } = (await load('client/runner.mjs')) as Pick<
    CacheSuite,
    'runTests' | 'getResults'
  >;
  return { folder, suites, runTests, getResults };
}

function cacheFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'portreeve');
}

/** Unpacked beside its place and then moved there: whoever finds it finds all of it. */
async function fetchSuite(folder: string): Promise<void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.`);
  try {
    const { stdout } = await run('npm', ['pack', '--silent', `${PACKAGE}@${VERSION}`], { cwd: work });
    const packed = path.join(work, stdout.trim().split('\n').at(-1)!);
    const sum = createHash('sha512').update(readFileSync(packed)).digest('base64');
    if (sum !== SHA512) throw new Error(`${PACKAGE} ${VERSION} is not what it was: sha512 ${sum}`);
    await run('tar', ['-xzf', packed, '-C', work]);
    if (!existsSync(folder)) renameSync(path.join(work, 'package'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
