import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

const RESOURCE_FILE = /\.(ya?ml|json)$/i;
/** The program's own configuration may lie in the folder: it is not a resource. */
const CONFIG_FILE = /^portreeve\.ya?ml$/;

/** What lies below a folder. Paths are relative to it, with `/`. */
export interface Listing {
  /** Resource files, in the order in which they win over duplicates. */
  readonly files: readonly string[];
  /** Sub-folders that may not be read: nothing is known of what they hold. */
  readonly unreadable: readonly { readonly path: string; readonly message: string }[];
}

/**
 * Lists the resource files below a folder. Hidden files and folders are left out; links are followed, loops are not.
 * @throws Error when the folder itself can't be read
 */
export async function listResourceFiles(folder: string): Promise<Listing> {
  const files: string[] = [];
  const unreadable: { path: string; message: string }[] = [];

  const walk = async (prefix: string, above: ReadonlySet<string>): Promise<void> => {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isSymbolicLink() ? await isFolder(join(folder, path)) : entry.isDirectory()) {
        await walkInto(path, above);
      } else if (isResourceFile(path)) {
        files.push(path);
      }
    }
  };
  const walkInto = async (path: string, above: ReadonlySet<string>): Promise<void> => {
    try {
      const real = await realpath(join(folder, path));
      if (!above.has(real)) await walk(path, new Set([...above, real]));
    } catch (error) {
      if (!isMissing(error)) unreadable.push({ path, message: (error as Error).message });
    }
  };

  await walk('', new Set([await realpath(folder)]));
  return { files: files.sort(byCodeUnits), unreadable };
}

/** Whether a file or folder was not there, as opposed to not readable. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Whether a path relative to the folder is one that is read. */
export function isResourceFile(path: string): boolean {
  return RESOURCE_FILE.test(path) && !CONFIG_FILE.test(path) && !isHidden(path);
}

/** Whether a part of the path begins with a dot. */
export function isHidden(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.'));
}

/** Order of code units: the same on every machine, whatever its language. */
export function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
