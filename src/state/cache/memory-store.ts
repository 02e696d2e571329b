import { LRUCache } from 'lru-cache';
import type { CacheMemory } from '../../ir/messages.ts';
import { breakLocks } from '../limits/lock.ts';
import { packAnswer, type StoredAnswer, unpackAnswer } from './answer.ts';
import { EVERYTHING, Invalidations } from './invalidations.ts';
import { openAnswers, openFlights } from './memory.ts';
import { type Place, Slab } from './slab.ts';
import {
  type AnswerStore,
  answerKey,
  type Keeping,
  type Lookup,
  noUrl,
  urlKey,
  urlMark,
  type Wanted,
} from './store.ts';
import { admitVariant, packVariants, unpackVariants, type Variants } from './variants.ts';

/** A copy that is good as long as the memory holds what it was made from. */
type Copy =
  | { readonly kind: 'variants'; readonly place: Place; readonly variants: Variants }
  | { readonly kind: 'answer'; readonly place: Place; readonly answer: StoredAnswer };

/** More often than this threads do not get in each other's way. */
const MAX_TRIES = 3;
/** In place of a key. */
const CONFLICT = '';
/** What a copy takes beside its bytes, roughly. */
const COPY_BYTES = 512;

/** Keeps answers in the memory that all threads share; each thread has those that it uses most unpacked. */
export class MemoryAnswers implements AnswerStore {
  readonly isLocal = true;
  readonly #slab: Slab;
  readonly #invalidations: Invalidations;
  readonly #copies: LRUCache<string, Copy>;

  constructor({ answers, unpackedBytes }: CacheMemory, threadId: number) {
    this.#slab = new Slab(answers, threadId);
    this.#invalidations = new Invalidations(answers);
    this.#copies = new LRUCache({ maxSize: Math.max(COPY_BYTES, unpackedBytes) });
  }

  get moment(): number {
    return this.#invalidations.count;
  }

  find(wanted: Wanted): Lookup {
    const variants = this.#variants(urlKey(wanted.url));
    if (variants === null) return noUrl(wanted);
    const key = answerKey(wanted, variants);
    const answer = this.#answer(key);
    return answer === null ? { kind: 'missing', what: 'variant', key } : { kind: 'found', answer, key };
  }

  keep(wanted: Wanted, answer: StoredAnswer, how: Keeping): boolean {
    const slab = this.#slab;
    const marks = [urlMark(wanted.url), ...answer.head.marks].map((mark) => this.#invalidations.markOf(mark));
    if (this.#invalidations.concernsSince(how.since, marks)) return false;
    const packed = packAnswer(answer);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const key = this.#keepOnce(wanted, how, packed, marks, answer);
      if (key === null) return false;
      if (key === CONFLICT) continue;
      if (!this.#invalidations.concernsSince(how.since, marks)) return true;
      slab.remove(key);
      return false;
    }
    return false;
  }

  invalidate(url: string): void {
    this.#invalidations.add(this.#invalidations.markOf(urlMark(url)));
    this.#slab.remove(urlKey(url));
  }

  purge(mark: string | null): number {
    const number = mark === null ? EVERYTHING : this.#invalidations.markOf(mark);
    this.#invalidations.add(number);
    return this.#slab.removeMarked(number);
  }

  /**
   * The answer first, then the record that leads to it: whoever finds the URL known finds the answer, too. The record is
   * written anew each time, for the ring would forget it before the answers.
   * @returns the answer's key; null: it can't be kept; {@link CONFLICT}: another one has changed the record meanwhile
   */
  #keepOnce(
    wanted: Wanted,
    { vary, maxVariants }: Keeping,
    packed: Buffer,
    marks: readonly number[],
    answer: StoredAnswer,
  ): string | null {
    const recordKey = urlKey(wanted.url);
    const known = this.#slab.read(recordKey)?.value ?? null;
    const variants = admitVariant(known === null ? null : unpackVariants(known), vary, wanted, maxVariants);
    if (variants === null) return null;
    const key = answerKey(wanted, variants);
    const place = this.#slab.write(key, packed, marks);
    if (place === null) return null;
    // The mark of the URL alone: a tag is one answer's.
    const record = { value: packVariants(variants), marks: marks.slice(0, 1) };
    const unchanged = (now: Buffer | null) =>
      known === null || now === null ? known === now : known.equals(now);
    const change = this.#slab.update(recordKey, (now) => (unchanged(now) ? record : null));
    if (change.kind === 'refused') return change.why === 'left' ? CONFLICT : null;
    this.#copies.set(recordKey, { kind: 'variants', place: change.place, variants }, { size: COPY_BYTES });
    this.#copies.set(key, { kind: 'answer', place, answer }, { size: packed.length + COPY_BYTES });
    return key;
  }

  #variants(key: string): Variants | null {
    const copy = this.#copies.get(key);
    if (copy?.kind === 'variants' && this.#slab.holds(copy.place)) return copy.variants;
    const found = this.#slab.read(key);
    const variants = found === null ? null : unpackVariants(found.value);
    if (found === null || variants === null) {
      if (copy !== undefined) this.#copies.delete(key);
      return null;
    }
    this.#copies.set(key, { kind: 'variants', place: found, variants }, { size: COPY_BYTES });
    return variants;
  }

  #answer(key: string): StoredAnswer | null {
    const copy = this.#copies.get(key);
    if (copy?.kind === 'answer' && this.#slab.holds(copy.place)) return copy.answer;
    const found = this.#slab.read(key);
    const answer = found === null ? null : unpackAnswer(found.value);
    if (found === null || answer === null) {
      if (copy !== undefined) this.#copies.delete(key);
      return null;
    }
    this.#copies.set(
      key,
      { kind: 'answer', place: found, answer },
      { size: found.value.length + COPY_BYTES },
    );
    return answer;
  }
}

/** Frees what a dead thread held; what it asked for ends with its lease. */
export function forgetCacheThread({ answers, flights }: CacheMemory, threadId: number): void {
  breakLocks(openAnswers(answers).locks, threadId + 1);
  breakLocks(openFlights(flights).locks, threadId + 1);
}

const opened = new WeakMap<CacheMemory, MemoryAnswers>();

/** The thread's one view of the memory. */
export function memoryAnswers(memory: CacheMemory, threadId: number): MemoryAnswers {
  let answers = opened.get(memory);
  if (answers === undefined) {
    answers = new MemoryAnswers(memory, threadId);
    opened.set(memory, answers);
  }
  return answers;
}
