import { basename, relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { isHidden, isResourceFile } from './list.ts';

/** Paths relative to the folder, or `all` when anything may have changed. */
export type ChangedPaths = readonly string[] | 'all';

export interface WatchHandlers {
  changed(paths: ChangedPaths): void;
  /** The watch may miss changes (for example, the system's limit of watches is reached). */
  failed(message: string): void;
}

export interface FolderWatch {
  close(): Promise<void>;
}

/** Writers touch a file several times within this. */
const SETTLE_MS = 10;
/** A stream of changes is handed on at least so often. */
const MAX_SETTLE_MS = 200;

/** Watches a folder with all below it. Resolves when every change from now on will be seen. */
export async function watchFolder(folder: string, handlers: WatchHandlers): Promise<FolderWatch> {
  const pending = new PendingPaths(handlers.changed);
  // The swap of a mounted ConfigMap shows below `..data` and may show nowhere else; other hidden paths are ignored.
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: (path) => path !== folder && /^\.[^.]/.test(basename(path)),
  });
  watcher.on('all', (event, path) => {
    const below = relative(folder, path).split(sep).join('/');
    if (event === 'addDir' || event === 'unlinkDir' || isHidden(below)) pending.add('all');
    else if (isResourceFile(below)) pending.add([below]);
  });
  watcher.on('error', (error) => handlers.failed(error instanceof Error ? error.message : String(error)));
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  return {
    async close() {
      pending.stop();
      await watcher.close();
    },
  };
}

/** Gathers changed paths until they settle. */
class PendingPaths {
  readonly #report: (paths: ChangedPaths) => void;
  readonly #paths = new Set<string>();
  #all = false;
  #firstAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(report: (paths: ChangedPaths) => void) {
    this.#report = report;
  }

  add(paths: ChangedPaths): void {
    if (paths === 'all') this.#all = true;
    else for (const path of paths) this.#paths.add(path);
    const now = performance.now();
    if (this.#timer === null) this.#firstAt = now;
    else clearTimeout(this.#timer);
    const delayMs = Math.max(0, Math.min(SETTLE_MS, this.#firstAt + MAX_SETTLE_MS - now));
    this.#timer = setTimeout(() => this.#flush(), delayMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #flush(): void {
    this.#timer = null;
    const changed: ChangedPaths = this.#all ? 'all' : [...this.#paths];
    this.#all = false;
    this.#paths.clear();
    this.#report(changed);
  }
}
