import type { StoredAnswer } from './answer.ts';
import type { Selecting, Variants } from './variants.ts';

/** What a request wants of a store. */
export interface Wanted extends Selecting {
  /** Whose answers they are and of which URL: what an unsafe request makes void as a whole. */
  readonly url: string;
  /** What else tells its answers from others of the URL: user, headers of the key. */
  readonly within: string;
}

/** `key`: the same for all requests that this answer, or one in its place, would do for, as far as is known. */
export type Lookup =
  | { readonly kind: 'found'; readonly answer: StoredAnswer; readonly key: string }
  /** `url`: nothing is known of it; `variant`: there is something, but not for this request. */
  | { readonly kind: 'missing'; readonly what: 'url' | 'variant'; readonly key: string };

/** What is kept with an answer. */
export interface Keeping {
  /** Header names of its Vary, in lower case, sorted. */
  readonly vary: readonly string[];
  readonly maxVariants: number;
  /** {@link AnswerStore.moment} before the backend was asked. */
  readonly since: number;
  /** Of no use to anybody after so long. */
  readonly usefulMs: number;
}

/** Keeps answers. `testing.ts` has the suite that every store passes. A store that fails has nothing and keeps nothing. */
export interface AnswerStore {
  /** What is kept is found at once, and no promise is made. */
  readonly isLocal: boolean;
  /** Answers of before it, which come after an invalidation, are not kept. */
  readonly moment: number;
  find(wanted: Wanted): Lookup | Promise<Lookup>;
  /** Whether it was kept. */
  keep(wanted: Wanted, answer: StoredAnswer, how: Keeping): boolean | Promise<boolean>;
  /** Forgets all answers of a URL, and those of it that are on their way. */
  invalidate(url: string): void | Promise<void>;
  /** Forgets all answers with the mark, and those that are on their way. Null: all. @returns how many; -1: it can't tell */
  purge(mark: string | null): number | Promise<number>;
}

/** Parts with their lengths before them: different parts never give the same text. */
export function joinKey(...parts: readonly string[]): string {
  let key = '';
  for (const part of parts) key += `${part.length}:${part}`;
  return key;
}

/** Begins unlike any {@link answerKey}. */
export function urlKey(url: string): string {
  return `url ${url}`;
}

export function answerKey(wanted: Wanted, { series, vary }: Variants): string {
  const selected = vary.length === 0 ? '' : wanted.select(vary);
  return joinKey('answer', wanted.url, series, wanted.within, selected);
}

/** What every answer of a URL has beside its own marks. */
export function urlMark(url: string): string {
  return `at ${url}`;
}

/** Nothing is known of the URL. */
export function noUrl({ url, within }: Wanted): Lookup {
  return { kind: 'missing', what: 'url', key: joinKey('new', url, within) };
}
