import {
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  mergeTag,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from 'js-yaml';
import type { FieldSteps } from '../../resources/field-path.ts';
import { NOT_PLAIN, readPlainYaml } from './plain-yaml.ts';

/** Line and column in a text, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type YamlResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string; readonly position: Position };

/** YAML 1.2 and the merge key `<<`, which kubectl reads as well. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag);
const MAX_DEPTH = 64;
const MAX_ALIASES = 256;
/** Nodes after every alias was replaced by what it stands for. */
const MAX_EXPANDED_NODES = 100_000;
/** What stands before the root of a document: blank lines, comments, directives, the marker. */
const PREAMBLE = /^(?:[ \t]*(?:#.*)?\r?\n|%.*\r?\n|---[ \t]*(?:#.*)?\r?\n)*(?:---)?[ \t]*/;
const START: Position = { line: 1, column: 1 };

/** Parses one document. Never throws; aliases can't make it grow out of bounds. */
export function parseYaml(text: string): YamlResult {
  const value = readPlainYaml(text);
  return value === NOT_PLAIN ? parseYamlInFull(text) : { ok: true, value };
}

/** As {@link parseYaml}, always by the full parser. */
export function parseYamlInFull(text: string): YamlResult {
  try {
    const events = parseEvents(text, { maxDepth: MAX_DEPTH });
    if (expandedNodes(text, events) > MAX_EXPANDED_NODES) {
      const message = `its aliases stand for more than ${MAX_EXPANDED_NODES} values, or for themselves`;
      return { ok: false, message, position: START };
    }
    const documents = constructFromEvents(events, { source: text, schema: SCHEMA, maxAliases: MAX_ALIASES });
    return { ok: true, value: documents[0] ?? null };
  } catch (error) {
    if (!(error instanceof YAMLException)) return { ok: false, message: String(error), position: START };
    const { mark, reason } = error;
    return {
      ok: false,
      message: reason,
      position: mark === undefined ? START : positionAt(text, mark.position),
    };
  }
}

/**
 * Where the value at these steps is written: the key of a field, the beginning of a list's entry. When a step
 * leads nowhere, the deepest place that exists.
 */
export function locateInYaml(text: string, steps: FieldSteps): Position {
  // Asked of every object that is served: not worth a parse.
  if (steps.length === 0) return positionAt(text, PREAMBLE.exec(text)![0].length);
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: MAX_DEPTH });
  } catch {
    return START;
  }
  let node = 1;
  let offset = startOf(events[node]);
  for (const step of steps) {
    const found = findChild(text, events, node, step);
    if (found === null) break;
    node = found.node;
    offset = found.offset;
  }
  return positionAt(text, Math.max(offset, 0));
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

function findChild(
  text: string,
  events: readonly Event[],
  node: number,
  step: string | number,
): { node: number; offset: number } | null {
  const parent = events[node];
  if (parent?.type === EVENT_ID.SEQUENCE && typeof step === 'number') {
    let child = node + 1;
    for (let index = 0; index < step && !isPop(events[child]); index++) child = nodeEnd(events, child);
    return isPop(events[child]) ? null : { node: child, offset: startOf(events[child]) };
  }
  if (parent?.type !== EVENT_ID.MAPPING) return null;
  for (let key = node + 1; !isPop(events[key]); ) {
    const value = nodeEnd(events, key);
    const event = events[key]!;
    if (event.type === EVENT_ID.SCALAR && getScalarValue(text, event) === String(step)) {
      return { node: value, offset: startOf(event) };
    }
    key = nodeEnd(events, value);
  }
  return null;
}

/** Index of the event after a node. */
function nodeEnd(events: readonly Event[], node: number): number {
  let depth = 0;
  let index = node;
  do {
    const event = events[index++];
    if (event === undefined) return index;
    if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) depth++;
    else if (event.type === EVENT_ID.POP) depth--;
  } while (depth > 0);
  return index;
}

function isPop(event: Event | undefined): boolean {
  return event === undefined || event.type === EVENT_ID.POP;
}

function startOf(event: Event | undefined): number {
  switch (event?.type) {
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start;
    case EVENT_ID.SCALAR:
      return isQuoted(event.style) ? event.valueStart - 1 : event.valueStart;
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    default:
      return 0;
  }
}

function isQuoted(style: number): boolean {
  return style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
}

/** Counts nodes with every alias replaced by its anchor's. Infinity for an alias inside its own anchor. */
function expandedNodes(text: string, events: readonly Event[]): number {
  if (!events.some((event) => event.type === EVENT_ID.ALIAS)) return 0;
  const sizes = new Map<string, number>();
  const open: { anchor: string | null; size: number }[] = [{ anchor: null, size: 0 }];
  const close = (anchor: string | null, size: number): void => {
    if (anchor !== null) sizes.set(anchor, size);
    open.at(-1)!.size += size;
  };
  for (const event of events) {
    if (event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) {
      if (event.type === EVENT_ID.DOCUMENT || open.length === 1) continue;
      const { anchor, size } = open.pop()!;
      close(anchor, size);
    } else if (event.type === EVENT_ID.ALIAS) {
      open.at(-1)!.size += sizes.get(text.slice(event.anchorStart, event.anchorEnd)) ?? 1;
    } else {
      const anchor = event.anchorStart === -1 ? null : text.slice(event.anchorStart, event.anchorEnd);
      if (anchor !== null) sizes.set(anchor, Number.POSITIVE_INFINITY);
      if (event.type === EVENT_ID.SCALAR) close(anchor, 1);
      else open.push({ anchor, size: 1 });
    }
  }
  return open[0]!.size;
}
