/**
 * A persistent hash map from strings to values, a hash array mapped trie (Bagwell 2001). Two things that
 * `Map` can't do make the router what it is:
 * - a changed copy shares all but one short path with the original, so a table is changed in place of
 *   being copied and the tables that requests hold stay as they are;
 * - a key is looked up as a range of a longer string, so a path is walked without cutting it to pieces.
 *
 * Null is the empty map. Writers pass a token: nodes made under the same token are changed in place,
 * which makes a first build linear.
 */
export type HashMap<V> = Branch<V> | Leaf<V> | null;

/** Identity of one batch of changes. */
export type EditToken = object;

interface Leaf<V> {
  readonly hash: number;
  readonly key: string;
  readonly value: V;
  /** Another key with the same 32 bits of hash. */
  readonly next: Leaf<V> | null;
}

/**
 * A bitmap, where bit n says that there is a slot for the five hash bits n; the token that made it; then the
 * slots in the order of their bits. One array, not an object with an array in it: in a large table each
 * object on the way to a leaf is a cache miss.
 */
type Branch<V> = [bitmap: number, token: EditToken, ...slots: (Branch<V> | Leaf<V>)[]];

/** Index of the first slot of a branch. */
const SLOTS = 2;

const BITS = 5;
const MASK = 31;
const SEED = 0x811c9dc5 | 0;

/** One more character: FNV-1a over UTF-16 code units. */
export function hashStep(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

/** Spreads the bits: FNV leaves the high ones of short keys poor, and a branch takes five at a time. */
export function hashFinish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

export { SEED as HASH_SEED };

/** Hash of `text[start, end)`. */
export function hashRange(text: string, start: number, end: number): number {
  let hash = SEED;
  for (let i = start; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hashFinish(hash);
}

export function hashOf(text: string): number {
  return hashRange(text, 0, text.length);
}

function popcount(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  n = (n + (n >>> 4)) & 0x0f0f0f0f;
  return Math.imul(n, 0x01010101) >>> 24;
}

function sameKey(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0, j = start; j < end; i++, j++) {
    if (key.charCodeAt(i) !== text.charCodeAt(j)) return false;
  }
  return true;
}

/** Value under the key `text[start, end)`, whose hash the caller knows; null when there is none. */
export function mapGet<V>(map: HashMap<V>, hash: number, text: string, start: number, end: number): V | null {
  let node = map;
  let rest = hash;
  while (Array.isArray(node)) {
    const bit = 1 << (rest & MASK);
    if ((node[0] & bit) === 0) return null;
    node = slotAt(node, slotIndex(node, bit));
    rest >>>= BITS;
  }
  while (node !== null) {
    if (node.hash === hash && sameKey(node.key, text, start, end)) return node.value;
    node = node.next;
  }
  return null;
}

export function mapGetKey<V>(map: HashMap<V>, key: string): V | null {
  return mapGet(map, hashOf(key), key, 0, key.length);
}

/** The map with `key` set to `value`. */
export function mapSet<V>(map: HashMap<V>, key: string, value: V, token: EditToken): HashMap<V> {
  return setIn(map, 0, { hash: hashOf(key), key, value, next: null }, token);
}

function setIn<V>(node: HashMap<V>, shift: number, leaf: Leaf<V>, token: EditToken): Branch<V> | Leaf<V> {
  if (node === null) return leaf;
  if (!Array.isArray(node)) {
    if (node.hash === leaf.hash) return { ...leaf, next: chainWithout(node, leaf.key) };
    return setIn(branchOf(node, shift, token), shift, leaf, token);
  }
  const bit = 1 << ((leaf.hash >>> shift) & MASK);
  const at = slotIndex(node, bit);
  const owned = own(node, token);
  if ((node[0] & bit) !== 0) {
    owned[at] = setIn(slotAt(node, at), shift + BITS, leaf, token);
  } else {
    owned.splice(at, 0, leaf);
    owned[0] |= bit;
  }
  return owned;
}

/** The map without `key`. */
export function mapDelete<V>(map: HashMap<V>, key: string, token: EditToken): HashMap<V> {
  return deleteIn(map, 0, hashOf(key), key, token);
}

function deleteIn<V>(
  node: HashMap<V>,
  shift: number,
  hash: number,
  key: string,
  token: EditToken,
): HashMap<V> {
  if (node === null) return null;
  if (!Array.isArray(node)) return node.hash === hash ? chainWithout(node, key) : node;
  const bit = 1 << ((hash >>> shift) & MASK);
  if ((node[0] & bit) === 0) return node;
  const at = slotIndex(node, bit);
  const before = slotAt(node, at);
  const after = deleteIn(before, shift + BITS, hash, key, token);
  if (after === before) return node;
  // A branch with one leaf becomes that leaf: lookups stay short and an empty map is null again.
  if (after === null && node.length === SLOTS + 1) return null;
  const owned = own(node, token);
  if (after === null) {
    owned.splice(at, 1);
    owned[0] &= ~bit;
  } else {
    owned[at] = after;
  }
  const only = slotAt(owned, SLOTS);
  return owned.length === SLOTS + 1 && !Array.isArray(only) ? only : owned;
}

/** Keys in no particular order. */
export function mapForEach<V>(map: HashMap<V>, visit: (value: V, key: string) => void): void {
  if (map === null) return;
  if (Array.isArray(map)) {
    for (let at = SLOTS; at < map.length; at++) mapForEach(slotAt(map, at), visit);
    return;
  }
  for (let leaf: Leaf<V> | null = map; leaf !== null; leaf = leaf.next) visit(leaf.value, leaf.key);
}

function chainWithout<V>(leaf: Leaf<V> | null, key: string): Leaf<V> | null {
  if (leaf === null) return null;
  return leaf.key === key ? leaf.next : { ...leaf, next: chainWithout(leaf.next, key) };
}

function slotIndex<V>(branch: Branch<V>, bit: number): number {
  return SLOTS + popcount(branch[0] & (bit - 1));
}

function slotAt<V>(branch: Branch<V>, at: number): Branch<V> | Leaf<V> {
  return branch[at] as Branch<V> | Leaf<V>;
}

function branchOf<V>(leaf: Leaf<V>, shift: number, token: EditToken): Branch<V> {
  return [1 << ((leaf.hash >>> shift) & MASK), token, leaf];
}

function own<V>(node: Branch<V>, token: EditToken): Branch<V> {
  if (node[1] === token) return node;
  const copy = node.slice() as Branch<V>;
  copy[1] = token;
  return copy;
}
