import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where a running local cluster keeps its files. All of them are removed when it stops. */
export interface Layout {
  readonly dir: string;
  /** What `down` needs to know, see `state.ts`. */
  readonly stateFile: string;
  readonly kubeconfig: string;
  /** One file a component. */
  readonly logs: string;
  readonly config: string;
  readonly pki: string;
  readonly etcd: string;
  readonly containerd: string;
  readonly containerdSocket: string;
  readonly images: string;
  /** What stands in for folders of the machine that some programs insist on. */
  readonly machine: string;
  /** Caches of kubectl and helm, kept apart from the user's own. */
  readonly clients: string;
}

/** Folder of the cluster that the command line brings up and down unless told otherwise. */
export const defaultDir: string = join(tmpdir(), 'portreeve-cluster');

// A socket's path has at most 107 bytes (unix(7)), and the longest below the folder takes 30 of them.
const longestDir = 75;
// The cluster's mount namespace has its own of these.
const replaced = ['/run', '/var/run', '/var/lib', '/var/log'];

/**
 * The layout below a folder; makes nothing.
 * @throws Error for a folder that can't serve
 */
export function layoutOf(folder: string): Layout {
  const dir = resolve(folder);
  if (Buffer.byteLength(dir) > longestDir) throw new Error(`${dir}: longer than ${longestDir} bytes`);
  // It goes into mount options, a shell script and TOML.
  if (!/^[\w./-]+$/.test(dir)) throw new Error(`${dir}: only letters, digits and ._-/ are supported`);
  if (replaced.some((prefix) => dir === prefix || dir.startsWith(`${prefix}/`)))
    throw new Error(`${dir}: must not be below ${replaced.join(', ')}`);
  return {
    dir,
    stateFile: join(dir, 'state.json'),
    kubeconfig: join(dir, 'kubeconfig'),
    logs: join(dir, 'logs'),
    config: join(dir, 'config'),
    pki: join(dir, 'pki'),
    etcd: join(dir, 'etcd'),
    containerd: join(dir, 'containerd'),
    containerdSocket: join(dir, 'containerd.sock'),
    images: join(dir, 'images'),
    machine: join(dir, 'machine'),
    clients: join(dir, 'clients'),
  };
}

/** Makes the folders of a layout. */
export function createFolders(layout: Layout): void {
  const { logs, config, pki, etcd, containerd, images, machine, clients } = layout;
  for (const folder of [logs, config, pki, containerd, images, machine, clients])
    mkdirSync(folder, { recursive: true });
  // etcd insists on a folder that nobody else can read.
  mkdirSync(etcd, { recursive: true, mode: 0o700 });
}
