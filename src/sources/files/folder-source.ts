import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../ir/finding.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { ResourceChange, ResourceSource } from '../source.ts';
import { stampOf } from './file.ts';
import { FolderState } from './folder-state.ts';
import { isResourceFile, type Listing, listResourceFiles } from './list.ts';
import { folderFinding, listingFindings, readFiles } from './load.ts';
import { type FolderWatch, watchFolder } from './watch.ts';

/** A file that vanished or went blank may be half-way through being written anew: its objects stay so long. */
const ABSENCE_GRACE_MS = 150;
/** How often a folder that is gone is looked for. */
const LOST_FOLDER_MS = 1000;

/** A folder of YAML and JSON files, watched. */
export class FolderSource implements ResourceSource {
  readonly #folder: string;
  readonly #validators: ResourceValidators;
  readonly #watches: boolean;
  readonly #state = new FolderState();
  /** When a file was first seen absent, in milliseconds of `performance.now()`. */
  readonly #absentSince = new Map<string, number>();
  #onChange: (change: ResourceChange) => void = () => {};
  #watch: FolderWatch | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Work that runs one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #stopped = false;
  #listing: Listing = { files: [], unreadable: [] };
  #lost: Finding | null = null;
  #watchFailure: Finding | null = null;
  #folderFindings = '';

  /** Without `watch` the folder is only read at the start and by `rescan`. */
  constructor(
    folder: string,
    validators: ResourceValidators,
    options: { readonly watch: boolean } = { watch: true },
  ) {
    this.#folder = folder;
    this.#validators = validators;
    this.#watches = options.watch;
  }

  async start(onChange: (change: ResourceChange) => void): Promise<void> {
    this.#onChange = onChange;
    this.#listing = await listResourceFiles(this.#folder);
    await readFiles(this.#folder, this.#listing.files, this.#validators, this.#state);
    this.#emit(true);
    if (this.#stopped) return;
    await this.#openWatch();
    // What changed between the first look and the watch.
    await this.rescan();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#queue;
    await this.#watch?.close();
    this.#watch = null;
  }

  /** Looks at every file now, whether the watch has told of it or not. */
  rescan(): Promise<void> {
    return this.#enqueue(() => this.#rescan());
  }

  async #openWatch(): Promise<void> {
    if (!this.#watches) return;
    const watch = await watchFolder(this.#folder, {
      changed: (paths) => void this.#enqueue(() => (paths === 'all' ? this.#rescan() : this.#reread(paths))),
      failed: (message) => {
        this.#watchFailure = folderFinding(this.#folder, `changes may go unseen: ${message}`);
        void this.#enqueue(() => this.#rescan());
      },
    });
    if (this.#stopped) await watch.close();
    else this.#watch = watch;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => {
      if (!this.#stopped) await work();
    };
    const done = this.#queue.then(run);
    // What one change throws is its caller's; the next ones run all the same.
    this.#queue = done.catch(() => {});
    return done;
  }

  async #reread(paths: readonly string[]): Promise<void> {
    const absent = await readFiles(this.#folder, paths.filter(isResourceFile), this.#validators, this.#state);
    for (const path of paths) if (!absent.includes(path)) this.#absentSince.delete(path);
    if (absent.length > 0) await this.#dropAbsent(absent);
    this.#emit(false);
  }

  /** Looks at everything, reads what changed. */
  async #rescan(): Promise<void> {
    try {
      this.#listing = await listResourceFiles(this.#folder);
    } catch (error) {
      return this.#loseFolder(error as Error);
    }
    await this.#findFolderAgain();
    const listed = new Set(this.#listing.files);
    const unlisted = [...this.#state.paths()].filter(
      (path) => !listed.has(path) && !this.#isUnreadable(path),
    );
    await this.#reread([...this.#changedFiles(), ...unlisted]);
  }

  #changedFiles(): readonly string[] {
    return this.#listing.files.filter(
      (path) => this.#state.file(path)?.stamp !== stampOf(join(this.#folder, path)),
    );
  }

  #isUnreadable(path: string): boolean {
    return this.#listing.unreadable.some((folder) => path.startsWith(`${folder.path}/`));
  }

  /** Files that were absent for long enough are gone; the others are looked at again. */
  async #dropAbsent(paths: readonly string[]): Promise<void> {
    // A folder that is gone as a whole (a mount that went away) is no wish to remove every object.
    const folderError = await readdir(this.#folder).then(
      () => null,
      (error: Error) => error,
    );
    if (folderError !== null) return this.#loseFolder(folderError);
    const now = performance.now();
    for (const path of paths) {
      const since = this.#absentSince.get(path) ?? now;
      if (this.#state.file(path) === null) {
        this.#absentSince.delete(path);
      } else if (now - since >= ABSENCE_GRACE_MS) {
        this.#absentSince.delete(path);
        this.#state.set(path, null);
      } else {
        this.#absentSince.set(path, since);
      }
    }
    if (this.#absentSince.size > 0) this.#lookAgain(ABSENCE_GRACE_MS);
  }

  /** All objects stand; the folder is looked for until it is back. */
  #loseFolder(error: Error): void {
    this.#lost = folderFinding(this.#folder, `can't be read, its objects are kept: ${error.message}`);
    this.#absentSince.clear();
    this.#emit(false);
    this.#lookAgain(LOST_FOLDER_MS);
  }

  async #findFolderAgain(): Promise<void> {
    if (this.#lost === null) return;
    this.#lost = null;
    await this.#watch?.close();
    await this.#openWatch();
  }

  #lookAgain(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const look = () => (this.#lost === null ? this.#reread([...this.#absentSince.keys()]) : this.#rescan());
    this.#timer = setTimeout(() => void this.#enqueue(look), delayMs);
  }

  #emit(force: boolean): void {
    const own = [this.#lost, this.#watchFailure].filter((finding) => finding !== null);
    const findings = [...own, ...listingFindings(this.#folder, this.#listing)];
    const text = JSON.stringify(findings);
    const change = this.#state.takeChange(findings, force || text !== this.#folderFindings);
    this.#folderFindings = text;
    if (change !== null && !this.#stopped) this.#onChange(change);
  }
}
