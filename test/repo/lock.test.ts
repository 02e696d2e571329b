import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../package-lock.json'), 'utf8'),
) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Whether a package in `folder` finds `name`, in its own node_modules or in one further up. */
function isLocked(folder: string, name: string): boolean {
  for (let at = folder; ; at = at.slice(0, at.lastIndexOf('node_modules/')).replace(/\/$/, '')) {
    if (Object.hasOwn(lock.packages, path.posix.join(at, 'node_modules', name))) return true;
    if (at === '') return false;
  }
}

// npm leaves out an optional package (of another platform) that the registry doesn't have. `npm ci` then refuses the lock.
test('every dependency of every platform is locked', () => {
  const missing = Object.entries(lock.packages).flatMap(([folder, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isLocked(folder, name))
      .map((name) => `${folder} → ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every package is locked to its content', () => {
  const open = Object.entries(lock.packages).filter(
    ([folder, { integrity }]) => folder !== '' && integrity === undefined,
  );
  expect(open.map(([folder]) => folder)).toEqual([]);
});
