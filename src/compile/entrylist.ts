import { accepts, type Entry } from './entry.ts';
import { comparePrecedence } from './precedence.ts';
import type { MatchInput } from './table.ts';

/**
 * Entries in order of precedence; null is the empty list. A list of one is the entry itself: nearly all
 * are, and an array would be two more objects to visit.
 */
export type EntryList<U> = Entry<U> | Entry<U>[] | null;

/** The first that takes the request. */
export function firstAccepted<U>(list: EntryList<U>, input: MatchInput): Entry<U> | null {
  if (list === null) return null;
  if (!Array.isArray(list)) return accepts(list, input) ? list : null;
  for (let i = 0; i < list.length; i++) {
    const entry = list[i]!;
    if (accepts(entry, input)) return entry;
  }
  return null;
}

/** A copy that may be changed. */
export function copyList<U>(list: EntryList<U>): EntryList<U> {
  return Array.isArray(list) ? list.slice() : list;
}

/** Puts an entry in its place by precedence. Changes the list where it is an array, and returns it. */
export function addToList<U>(list: EntryList<U>, entry: Entry<U>): EntryList<U> {
  if (list === null) return entry;
  const entries = Array.isArray(list) ? list : [list];
  entries.splice(placeOf(entries, entry), 0, entry);
  return entries;
}

/** Takes an entry out. Changes the list where it is an array, and returns it. */
export function removeFromList<U>(list: EntryList<U>, entry: Entry<U>): EntryList<U> {
  if (!Array.isArray(list)) return list === entry ? null : list;
  const at = placeOf(list, entry);
  if (list[at] === entry) list.splice(at, 1);
  return list.length === 1 ? list[0]! : list;
}

export function forEachInList<U>(list: EntryList<U>, visit: (entry: Entry<U>) => void): void {
  if (Array.isArray(list)) list.forEach(visit);
  else if (list !== null) visit(list);
}

/** Index of the first entry that does not go before this one. */
function placeOf<U>(list: readonly Entry<U>[], entry: Entry<U>): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePrecedence(list[middle]!, entry).order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
