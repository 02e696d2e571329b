import { statusError } from './api-error.ts';
import type { ApiClient } from './client.ts';
import { JsonLines } from './json-lines.ts';
import { metadataOnly, selectors } from './list.ts';
import { isKubeObject, type KubeKind, type KubeObject, pathOf, type Selection } from './object.ts';

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

export interface WatchOptions {
  readonly resourceVersion: string;
  /** The API server ends it after so long. */
  readonly timeoutSeconds: number;
  /** Without a byte for so long the connection is taken for dead. The API server sends bookmarks every minute. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** The API server has agreed to it. */
  readonly onOpen: () => void;
  /** The events of one read, in order. */
  readonly onEvents: (events: readonly WatchEvent[]) => void;
}

/** Nothing came for so long that the connection must be dead. */
export class SilentWatchError extends Error {
  constructor(silenceMs: number) {
    super(`no byte for ${Math.round(silenceMs / 1000)} s`);
    this.name = 'SilentWatchError';
  }
}

/**
 * One watch, to its end: resolves when the API server ends it.
 * @throws ApiError for a refusal or an ERROR within; SyntaxError for what can't be read; Error for a broken connection
 */
export async function watchOnce(
  client: ApiClient,
  kind: KubeKind,
  selection: Selection,
  options: WatchOptions,
): Promise<void> {
  const { resourceVersion, timeoutSeconds, silenceMs, signal, onOpen, onEvents } = options;
  const watchdog = new AbortController();
  const timer = setTimeout(() => watchdog.abort(new SilentWatchError(silenceMs)), silenceMs);
  try {
    const body = await client.open({
      path: pathOf(kind, selection.namespace),
      query: {
        ...selectors(selection),
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
      },
      ...(selection.metadataOnly ? { accept: metadataOnly('PartialObjectMetadata') } : {}),
      signal: AbortSignal.any([signal, watchdog.signal]),
    });
    onOpen();
    const lines = new JsonLines();
    for await (const chunk of body) {
      timer.refresh();
      const events = lines.push(chunk as Uint8Array).map(readEvent);
      if (events.length > 0) onEvents(events);
    }
  } finally {
    clearTimeout(timer);
  }
}

const TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

/** @throws ApiError for an ERROR; SyntaxError for anything that is no event */
function readEvent(line: unknown): WatchEvent {
  const { type, object } = (line ?? {}) as { type?: unknown; object?: unknown };
  if (type === 'ERROR') {
    const { code } = (object ?? {}) as { code?: unknown };
    throw statusError(typeof code === 'number' ? code : 500, object, null);
  }
  if (!TYPES.has(type) || !isKubeObject(object)) throw new SyntaxError('a line of the watch is no event');
  return { type, object } as WatchEvent;
}
