import type { Finding } from '../../ir/finding.ts';
import { type ObjectRef, objectKey } from '../../ir/origin.ts';
import type { ResourceChange, SourcedObject } from '../source.ts';
import { type Entry, originIn } from './document.ts';
import type { ParsedFile } from './file.ts';
import { byCodeUnits } from './list.ts';

interface Claim {
  readonly path: string;
  readonly entry: Entry;
}

/**
 * What the files say together. Files go in, one change at a time comes out; its cost follows what was touched.
 *
 * Of several entries for one object the first by file name, then by place, owns it. If the owner is bad, what was
 * handed out before stands; if nothing was, the next good one does.
 */
export class FolderState {
  readonly #files = new Map<string, ParsedFile>();
  /** By object: its entries, in no order of files, but in the order of each file. */
  readonly #claims = new Map<string, readonly Claim[]>();
  readonly #handedOut = new Map<string, SourcedObject>();
  readonly #duplicates = new Map<string, readonly Finding[]>();
  readonly #touched = new Map<string, ObjectRef>();
  #findingsChanged = false;

  file(path: string): ParsedFile | null {
    return this.#files.get(path) ?? null;
  }

  paths(): Iterable<string> {
    return this.#files.keys();
  }

  /** Puts a file in the place of what it said before; null: it is gone. */
  set(path: string, file: ParsedFile | null): void {
    const before = this.#files.get(path);
    if (before !== undefined) this.#forget(path, before);
    if (file === null) {
      this.#files.delete(path);
      return;
    }
    this.#files.set(path, file);
    if (file.findings.length > 0) this.#findingsChanged = true;
    for (const entry of file.entries) {
      const key = objectKey(entry.ref);
      this.#claims.set(key, [...(this.#claims.get(key) ?? []), { path, entry }]);
      this.#touched.set(key, entry.ref);
    }
  }

  #forget(path: string, file: ParsedFile): void {
    if (file.findings.length > 0) this.#findingsChanged = true;
    for (const { ref } of file.entries) {
      const key = objectKey(ref);
      const others = this.#claims.get(key)?.filter((claim) => claim.path !== path) ?? [];
      if (others.length > 0) this.#claims.set(key, others);
      else this.#claims.delete(key);
      this.#touched.set(key, ref);
    }
  }

  /**
   * The difference since the last call; null when there is none.
   * @param extra findings that no file owns
   */
  takeChange(extra: readonly Finding[], force: boolean): ResourceChange | null {
    const upsert: SourcedObject[] = [];
    const remove: ObjectRef[] = [];
    for (const [key, ref] of this.#touched) this.#settle(key, ref, upsert, remove);
    this.#touched.clear();
    const changed = upsert.length > 0 || remove.length > 0 || this.#findingsChanged;
    this.#findingsChanged = false;
    return changed || force ? { upsert, remove, findings: [...extra, ...this.#findings()] } : null;
  }

  #settle(key: string, ref: ObjectRef, upsert: SourcedObject[], remove: ObjectRef[]): void {
    const entries = this.#entriesOf(key);
    this.#noteDuplicates(key, entries);
    const before = this.#handedOut.get(key);
    const [owner] = entries;
    if (owner === undefined) {
      if (before === undefined) return;
      this.#handedOut.delete(key);
      remove.push(ref);
      return;
    }
    const good = owner.good ?? before ?? entries.find((entry) => entry.good !== null)?.good;
    if (good === undefined || good === null || good === before) return;
    this.#handedOut.set(key, good);
    upsert.push(good);
  }

  #entriesOf(key: string): readonly Entry[] {
    const claims = this.#claims.get(key) ?? [];
    const ordered = claims.length < 2 ? claims : claims.toSorted((a, b) => byCodeUnits(a.path, b.path));
    return ordered.map((claim) => claim.entry);
  }

  #noteDuplicates(key: string, [first, ...others]: readonly Entry[]): void {
    if (first === undefined || others.length === 0) {
      if (this.#duplicates.delete(key)) this.#findingsChanged = true;
      return;
    }
    const other = originIn(first.place, first.ref, '');
    this.#duplicates.set(
      key,
      others.map((entry) => ({
        code: 'duplicateObject',
        origin: originIn(entry.place, entry.ref, ''),
        other,
      })),
    );
    this.#findingsChanged = true;
  }

  *#findings(): Iterable<Finding> {
    for (const path of [...this.#files.keys()].sort(byCodeUnits)) yield* this.#files.get(path)!.findings;
    for (const findings of this.#duplicates.values()) yield* findings;
  }
}
