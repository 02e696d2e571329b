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
  type HashMap,
  hashRange,
  mapDelete,
  mapForEach,
  mapGet,
  mapGetKey,
  mapSet,
} from './hashmap.ts';
import { forEachEntry, insertPath, matchPath, type PathNode, removePath } from './pathtree.ts';
import type { MatchInput } from './table.ts';

/** What stands under one host pattern. */
interface HostNode<U> {
  paths: PathNode<U> | null;
  /** In order of precedence; asked only when the tree has no winner. */
  regexes: EntryList<U>;
  readonly token: EditToken;
}

/** Wildcards by label from the right: `*.example.com` stands at com → example. */
interface LabelNode<U> {
  readonly labels: HashMap<LabelNode<U>>;
  readonly wildcard: HostNode<U> | null;
}

/** An immutable index of entries by host. */
export interface HostIndex<U> {
  readonly exact: HashMap<HostNode<U>>;
  readonly wildcards: LabelNode<U> | null;
  readonly any: HostNode<U> | null;
}

export const EMPTY_INDEX: HostIndex<never> = { exact: null, wildcards: null, any: null };

/** RFC 1035 section 2.3.4. A longer Host matches only routes for every host. */
const MAX_HOST_LENGTH = 253;

/** From the most specific host to the least; the first of them that has a match wins. */
export function matchHost<U>(index: HostIndex<U>, input: MatchInput): Entry<U> | null {
  const { host } = input;
  if (host.length > 0 && host.length <= MAX_HOST_LENGTH) {
    const exact = mapGet(index.exact, hashRange(host, 0, host.length), host, 0, host.length);
    const found = exact === null ? null : matchNode(exact, input);
    if (found !== null) return found;
    if (index.wildcards !== null) {
      const wild = matchLabels(index.wildcards, host, host.length, input);
      if (wild !== null) return wild;
    }
  }
  return index.any === null ? null : matchNode(index.any, input);
}

/** `end` is where the labels already taken begin, or the length; the deepest wildcard is asked first. */
function matchLabels<U>(node: LabelNode<U>, host: string, end: number, input: MatchInput): Entry<U> | null {
  // A wildcard takes one label or more, so something must be left for it.
  if (end <= 0) return null;
  const start = host.lastIndexOf('.', end - 1) + 1;
  const child = mapGet(node.labels, hashRange(host, start, end), host, start, end);
  const found = child === null ? null : matchLabels(child, host, start - 1, input);
  if (found !== null) return found;
  return node.wildcard === null ? null : matchNode(node.wildcard, input);
}

function matchNode<U>(node: HostNode<U>, input: MatchInput): Entry<U> | null {
  const found = node.paths === null ? null : matchPath(node.paths, input);
  return found ?? firstAccepted(node.regexes, input);
}

type Change<U> = (node: HostNode<U> | null) => HostNode<U> | null;

/** The index with one entry more. */
export function insertEntry<U>(index: HostIndex<U>, entry: Entry<U>, token: EditToken): HostIndex<U> {
  return changeHost(index, entry.host, token, (node) => {
    const owned = own(node, token);
    if (entry.match.path.kind === 'regex') owned.regexes = addToList(owned.regexes, entry);
    else owned.paths = insertPath(owned.paths, entry, token);
    return owned;
  });
}

/** The index without that entry. */
export function removeEntry<U>(index: HostIndex<U>, entry: Entry<U>, token: EditToken): HostIndex<U> {
  return changeHost(index, entry.host, token, (node) => {
    if (node === null) return null;
    const owned = own(node, token);
    if (entry.match.path.kind === 'regex') owned.regexes = removeFromList(owned.regexes, entry);
    else owned.paths = owned.paths === null ? null : removePath(owned.paths, entry, token);
    return owned.paths === null && owned.regexes === null ? null : owned;
  });
}

function own<U>(node: HostNode<U> | null, token: EditToken): HostNode<U> {
  if (node?.token === token) return node;
  return { paths: node?.paths ?? null, regexes: copyList(node?.regexes ?? null), token };
}

function changeHost<U>(index: HostIndex<U>, host: string, token: EditToken, change: Change<U>): HostIndex<U> {
  if (host === '') return { ...index, any: change(index.any) };
  if (host.startsWith('*.')) {
    const labels = host.slice(2).split('.').reverse();
    return { ...index, wildcards: changeLabels(index.wildcards, labels, 0, token, change) };
  }
  const before = mapGetKey(index.exact, host);
  const after = change(before);
  if (after === before) return index;
  const exact =
    after === null ? mapDelete(index.exact, host, token) : mapSet(index.exact, host, after, token);
  return { ...index, exact };
}

function changeLabels<U>(
  node: LabelNode<U> | null,
  labels: readonly string[],
  depth: number,
  token: EditToken,
  change: Change<U>,
): LabelNode<U> | null {
  const { labels: children, wildcard } = node ?? { labels: null, wildcard: null };
  if (depth === labels.length) return labelNode(children, change(wildcard));
  const label = labels[depth]!;
  const child = changeLabels(mapGetKey(children, label), labels, depth + 1, token, change);
  const after = child === null ? mapDelete(children, label, token) : mapSet(children, label, child, token);
  return labelNode(after, wildcard);
}

function labelNode<U>(labels: HashMap<LabelNode<U>>, wildcard: HostNode<U> | null): LabelNode<U> | null {
  return labels === null && wildcard === null ? null : { labels, wildcard };
}

/** Every entry of the index, in no particular order. */
export function forEachInIndex<U>(index: HostIndex<U>, visit: (entry: Entry<U>) => void): void {
  const visitNode = (node: HostNode<U> | null) => {
    forEachEntry(node?.paths ?? null, visit);
    forEachInList(node?.regexes ?? null, visit);
  };
  const visitLabels = (node: LabelNode<U> | null) => {
    if (node === null) return;
    visitNode(node.wildcard);
    mapForEach(node.labels, visitLabels);
  };
  mapForEach(index.exact, visitNode);
  visitLabels(index.wildcards);
  visitNode(index.any);
}
