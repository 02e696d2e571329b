import { globSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runCommand } from './command.ts';
import { buildImage, fileEntry, type ImageConfig, type ImageFile } from './images.ts';
import type { TarEntry } from './tar.ts';

/** What {@link buildPortreeveImage} puts together. */
export interface PortreeveImageOptions {
  /** Folder that becomes the root file system. */
  readonly tree: string;
  /** The docker-archive to write. */
  readonly archive: string;
  readonly reference?: string;
  /** Node's binary, put at `/usr/local/bin/node`; that of this process by default. */
  readonly node?: string;
  /** Merged over the defaults: user 65532, entrypoint `node`. */
  readonly config?: Partial<ImageConfig>;
}

/** Reference of our own image unless another one is asked for. */
export const portreeveImage = 'portreeve.test/portreeve:test';

const nodeInImage = '/usr/local/bin/node';

/**
 * Builds Portreeve's image from a tree, Node's binary and the shared libraries that it and native modules name; returns the reference.
 * The libraries keep the paths that `ldd` gives, so the image needs no loader cache.
 */
export async function buildPortreeveImage(options: PortreeveImageOptions): Promise<string> {
  const { tree, archive, reference = portreeveImage, node = process.execPath, config } = options;
  const binary = realpathSync(node);
  const natives = globSync('**/*.node', { cwd: tree }).map((path) => join(tree, path));
  const libraries = await sharedLibraries([binary, ...natives]);
  await buildImage({
    reference,
    archive,
    entries: [
      { kind: 'directory', path: 'tmp', mode: 0o1777 },
      { kind: 'text', path: 'etc/passwd', mode: 0o644, content: passwd },
      { kind: 'text', path: 'etc/group', mode: 0o644, content: group },
      ...treeEntries(tree),
    ],
    files: [{ path: nodeInImage, source: binary, mode: 0o755 }, ...libraries],
    config: { entrypoint: [nodeInImage], user: '65532:65532', env: { NODE_ENV: 'production' }, ...config },
  });
  return reference;
}

const passwd = 'root:x:0:0:root:/:/sbin/nologin\nportreeve:x:65532:65532:portreeve:/tmp:/sbin/nologin\n';
const group = 'root:x:0:\nportreeve:x:65532:\n';

/** Libraries that the dynamic loader takes for programs: lines "name => path (address)" or "path (address)". */
async function sharedLibraries(programs: readonly string[]): Promise<readonly ImageFile[]> {
  const { stdout } = await runCommand('ldd', programs);
  const lines = stdout.split('\n').map((line) => /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line.trim())?.[1]);
  const paths = [...new Set(lines)];
  return paths.filter((path) => path !== undefined).map((path) => ({ path, source: realpathSync(path) }));
}

/** Everything below a folder, links as links. Group and others get what the owner may read and run. */
function treeEntries(root: string, folder: string = root): readonly TarEntry[] {
  const children = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return children.flatMap((child): readonly TarEntry[] => {
    const source = join(folder, child.name);
    const path = relative(root, source);
    if (child.isSymbolicLink()) return [{ kind: 'symlink', path, target: readlinkSync(source) }];
    if (child.isDirectory()) return [{ kind: 'directory', path, mode: 0o755 }, ...treeEntries(root, source)];
    return child.isFile() ? [readableByAll(fileEntry({ path, source }))] : [];
  });
}

function readableByAll(entry: TarEntry): TarEntry {
  return entry.kind === 'file' ? { ...entry, mode: entry.mode & 0o100 ? 0o755 : 0o644 } : entry;
}
