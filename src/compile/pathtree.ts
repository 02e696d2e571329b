import type { Entry } from './entry.ts';
import {
  addToList,
  copyList,
  type EntryList,
  firstAccepted,
  forEachInList,
  removeFromList,
} from './entrylist.ts';
import {
  type EditToken,
  HASH_SEED,
  type HashMap,
  hashFinish,
  hashStep,
  mapDelete,
  mapForEach,
  mapGet,
  mapGetKey,
  mapSet,
} from './hashmap.ts';
import type { MatchInput } from './table.ts';

/** Where a pattern ends: three lists, each in order of precedence, null when empty. */
type EndList = 'exact' | 'template' | 'prefix';
type Ends<U> = { [K in EndList]: EntryList<U> };

/**
 * A tree of path segments, persistent like the hash maps in it. A request is walked depth first: text
 * before parameter before the patterns that end here, which is the order of precedence, so the first
 * entry whose conditions hold is the winner.
 */
export interface PathNode<U> extends Ends<U> {
  texts: HashMap<PathNode<U>>;
  parameter: PathNode<U> | null;
  readonly token: EditToken;
}

const SLASH = 47;

/** End of the segment that {@link hashSegment} read last: a second result without an object. */
let segmentEnd = 0;

function hashSegment(path: string, start: number): number {
  let hash = HASH_SEED;
  let i = start;
  for (; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === SLASH) break;
    hash = hashStep(hash, code);
  }
  segmentEnd = i;
  return hashFinish(hash);
}

/** The entry that wins below this root, or null. Paths that do not begin with a slash match nothing. */
export function matchPath<U>(root: PathNode<U>, input: MatchInput): Entry<U> | null {
  return input.path.charCodeAt(0) === SLASH ? walk(root, input.path, 1, input) : null;
}

/** `start` is where the next segment begins; past the end when there is none. Allocates nothing. */
function walk<U>(node: PathNode<U>, path: string, start: number, input: MatchInput): Entry<U> | null {
  if (start > path.length) {
    const whole = firstAccepted(node.exact, input) ?? firstAccepted(node.template, input);
    if (whole !== null) return whole;
  } else if (node.texts !== null || node.parameter !== null) {
    const hash = hashSegment(path, start);
    const end = segmentEnd;
    const child = mapGet(node.texts, hash, path, start, end);
    if (child !== null) {
      const found = walk(child, path, end + 1, input);
      if (found !== null) return found;
    }
    if (node.parameter !== null && end > start) {
      const found = walk(node.parameter, path, end + 1, input);
      if (found !== null) return found;
    }
  }
  return firstAccepted(node.prefix, input);
}

/** The tree with one entry more. */
export function insertPath<U>(root: PathNode<U> | null, entry: Entry<U>, token: EditToken): PathNode<U> {
  return insertAt(root, 0, entry, token);
}

function insertAt<U>(
  node: PathNode<U> | null,
  depth: number,
  entry: Entry<U>,
  token: EditToken,
): PathNode<U> {
  const owned = own(node, token);
  const { segments } = entry.rank;
  if (depth === segments.length) {
    const list = endList(entry);
    owned[list] = addToList(owned[list], entry);
    return owned;
  }
  const segment = segments[depth]!;
  if (segment === null) {
    owned.parameter = insertAt(owned.parameter, depth + 1, entry, token);
  } else {
    const before = mapGetKey(owned.texts, segment);
    const after = insertAt(before, depth + 1, entry, token);
    if (after !== before) owned.texts = mapSet(owned.texts, segment, after, token);
  }
  return owned;
}

/** The tree without that entry; null when nothing is left. */
export function removePath<U>(root: PathNode<U>, entry: Entry<U>, token: EditToken): PathNode<U> | null {
  return removeAt(root, 0, entry, token);
}

function removeAt<U>(
  node: PathNode<U> | null,
  depth: number,
  entry: Entry<U>,
  token: EditToken,
): PathNode<U> | null {
  if (node === null) return null;
  const owned = own(node, token);
  const { segments } = entry.rank;
  if (depth === segments.length) {
    const list = endList(entry);
    owned[list] = removeFromList(owned[list], entry);
  } else {
    const segment = segments[depth]!;
    if (segment === null) {
      owned.parameter = removeAt(owned.parameter, depth + 1, entry, token);
    } else {
      const child = removeAt(mapGetKey(owned.texts, segment), depth + 1, entry, token);
      owned.texts =
        child === null ? mapDelete(owned.texts, segment, token) : mapSet(owned.texts, segment, child, token);
    }
  }
  return isEmpty(owned) ? null : owned;
}

/** Every entry below this node. */
export function forEachEntry<U>(node: PathNode<U> | null, visit: (entry: Entry<U>) => void): void {
  if (node === null) return;
  for (const list of [node.exact, node.template, node.prefix]) forEachInList(list, visit);
  mapForEach(node.texts, (child) => forEachEntry(child, visit));
  forEachEntry(node.parameter, visit);
}

function endList<U>(entry: Entry<U>): EndList {
  const { kind } = entry.match.path;
  if (kind === 'regex') throw new Error('a regular expression has no place in the path tree');
  return kind;
}

function isEmpty<U>(node: PathNode<U>): boolean {
  const ends = node.exact === null && node.template === null && node.prefix === null;
  return ends && node.texts === null && node.parameter === null;
}

/** Its lists are copied with it, so that entries of one batch go into one copy. */
function own<U>(node: PathNode<U> | null, token: EditToken): PathNode<U> {
  if (node?.token === token) return node;
  return {
    texts: node?.texts ?? null,
    parameter: node?.parameter ?? null,
    exact: copyList(node?.exact ?? null),
    template: copyList(node?.template ?? null),
    prefix: copyList(node?.prefix ?? null),
    token,
  };
}
