import { LRUCache } from 'lru-cache';
import type { CacheMemory } from '../../ir/messages.ts';
import { breakLocks } from '../limits/lock.ts';
import { packAnswer, type StoredAnswer, unpackAnswer } from './answer.ts';
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

/** What a copy takes beside its bytes, roughly. */
const COPY_BYTES = 512;

/** Keeps answers in the memory that all threads share; each thread has those that it uses most unpacked. */
export class MemoryAnswers implements AnswerStore {
  readonly #slab: Slab;
  readonly #copies: LRUCache<string, Copy>;

  constructor({ answers, unpackedBytes }: CacheMemory, threadId: number) {
    this.#slab = new Slab(answers, threadId);
    this.#copies = new LRUCache({ maxSize: Math.max(COPY_BYTES, unpackedBytes) });
  }

  get moment(): number {
    return this.#slab.invalidations;
  }

  find(wanted: Wanted): Lookup {
    const variants = this.#variants(urlKey(wanted.url));
    if (variants === null) return noUrl(wanted);
    const key = answerKey(wanted, variants);
    const answer = this.#answer(key);
    return answer === null ? { kind: 'missing', what: 'variant', key } : { kind: 'found', answer, key };
  }

  keep(wanted: Wanted, answer: StoredAnswer, { vary, maxVariants, since }: Keeping): boolean {
    const slab = this.#slab;
    const marks = [urlMark(wanted.url), ...answer.head.marks].map((mark) => slab.markOf(mark));
    if (slab.invalidatedSince(since, marks)) return false;
    const variants = this.#admit(wanted, vary, maxVariants, marks);
    if (variants === null) return false;
    const key = answerKey(wanted, variants);
    const packed = packAnswer(answer);
    const place = slab.write(key, packed, marks);
    if (place === null) return false;
    if (slab.invalidatedSince(since, marks)) {
      slab.remove(key);
      return false;
    }
    this.#copies.set(key, { kind: 'answer', place, answer }, { size: packed.length + COPY_BYTES });
    return true;
  }

  invalidate(url: string): void {
    this.#slab.logInvalidation(this.#slab.markOf(urlMark(url)));
    this.#slab.remove(urlKey(url));
  }

  purge(mark: string | null): number {
    const number = mark === null ? 0 : this.#slab.markOf(mark);
    this.#slab.logInvalidation(number);
    return this.#slab.removeMarked(number);
  }

  /** Written anew each time: the ring would forget it before the answers that it leads to. */
  #admit(wanted: Wanted, vary: readonly string[], max: number, marks: readonly number[]): Variants | null {
    const admitted: { variants: Variants | null } = { variants: null };
    const key = urlKey(wanted.url);
    const place = this.#slab.update(key, (now) => {
      const variants = admitVariant(now === null ? null : unpackVariants(now), vary, wanted, max);
      admitted.variants = variants;
      // The mark of the URL alone: a tag is one answer's.
      return variants === null ? null : { value: packVariants(variants), marks: marks.slice(0, 1) };
    });
    const { variants } = admitted;
    if (place === null || variants === null) return null;
    this.#copies.set(key, { kind: 'variants', place, variants }, { size: COPY_BYTES });
    return variants;
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
