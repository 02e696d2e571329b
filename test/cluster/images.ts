import { createHash, type Hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TarEntry, tarBytes, writeBytes } from './tar.ts';

/** A file of an image: where it goes, what it is made of, and its mode (that of the source by default). */
export interface ImageFile {
  readonly path: string;
  readonly source: string;
  readonly mode?: number;
}

/** How an image's process is started; the names are those of a Dockerfile. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  /** Numeric, such as `65532:65532`, for `runAsNonRoot` to accept it. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly exposedPorts?: readonly number[];
}

/** What {@link buildImage} makes an archive of. */
export interface ImageSpec {
  /** Full reference, registry and tag included: `portreeve.test/backend:1`. */
  readonly reference: string;
  readonly config: ImageConfig;
  readonly files?: readonly ImageFile[];
  /** Put before `files`: folders, links and texts. */
  readonly entries?: readonly TarEntry[];
  /** The archive to write (docker-archive, as `docker save` makes it). */
  readonly archive: string;
}

/**
 * Writes an image of one layer as a docker-archive, with no container engine and no registry. The same content gives
 * the same bytes.
 * @throws Error when a source file is missing
 */
export async function buildImage(spec: ImageSpec): Promise<void> {
  await mkdir(dirname(spec.archive), { recursive: true });
  const temporary = await mkdtemp(`${spec.archive}.building-`);
  try {
    const layer = join(temporary, 'layer.tar');
    const entries = withParents([...(spec.entries ?? []), ...(spec.files ?? []).map(fileEntry)]);
    const layerDigest = await writeTar(layer, entries);
    const config = configJson(spec.config, layerDigest);
    const configName = `${sha256(config)}.json`;
    const layerName = `${layerDigest}/layer.tar`;
    const manifest = [{ Config: configName, RepoTags: [spec.reference], Layers: [layerName] }];
    const archive = join(temporary, 'archive.tar');
    await writeTar(archive, [
      { kind: 'text', path: configName, mode: 0o644, content: config },
      { kind: 'directory', path: layerDigest, mode: 0o755 },
      fileEntry({ path: layerName, source: layer }),
      { kind: 'text', path: 'manifest.json', mode: 0o644, content: JSON.stringify(manifest) },
    ]);
    await rename(archive, spec.archive);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** An entry of a layer that takes content, size and (by default) mode from a file of this machine. */
export function fileEntry(file: ImageFile): TarEntry {
  const stat = statSync(file.source);
  const mode = file.mode ?? stat.mode & 0o777;
  return { kind: 'file', path: file.path, mode, source: file.source, size: stat.size };
}

async function writeTar(path: string, entries: readonly TarEntry[]): Promise<string> {
  const hash: Hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    await writeBytes(file, tarBytes(entries), (bytes) => hash.update(bytes));
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Adds the folders above each entry that are not entries themselves, as layers need them. Later entries win. */
function withParents(entries: readonly TarEntry[]): readonly TarEntry[] {
  const all = new Map<string, TarEntry>();
  for (const entry of entries) {
    const parts = entry.path.replace(/^\/+|\/+$/g, '').split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!all.has(path)) all.set(path, { kind: 'directory', path, mode: 0o755 });
    }
    const path = parts.join('/');
    all.set(path, { ...entry, path });
  }
  return [...all.values()];
}

function configJson(config: ImageConfig, layerDigest: string): string {
  const ports = (config.exposedPorts ?? []).map((port) => [`${port}/tcp`, {}]);
  return JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Entrypoint: config.entrypoint,
      Cmd: config.cmd ?? [],
      Env: Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...config.env }).map(
        ([k, v]) => `${k}=${v}`,
      ),
      User: config.user ?? '',
      WorkingDir: config.workingDir ?? '/',
      ExposedPorts: Object.fromEntries(ports),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created_by: 'portreeve test/cluster' }],
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
