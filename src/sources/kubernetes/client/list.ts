import type { ApiClient } from './client.ts';
import { type KubeKind, type KubeObject, pathOf, type Selection } from './object.ts';

export interface ListResult {
  readonly objects: readonly KubeObject[];
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

interface ListPage {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

export const PAGE_SIZE = 500;
const PAGE_TIMEOUT_MS = 60_000;

/**
 * All objects of a kind, page by page, as of one moment.
 * @throws ApiError; with status 410 when the pages took so long that their moment is forgotten
 */
export async function listAll(
  client: ApiClient,
  kind: KubeKind,
  selection: Selection,
  signal: AbortSignal,
): Promise<ListResult> {
  const objects: KubeObject[] = [];
  let resourceVersion = '';
  let next: string | undefined;
  do {
    const page: ListPage = await client.json<ListPage>({
      path: pathOf(kind, selection.namespace),
      query: { ...selectors(selection), limit: PAGE_SIZE, continue: next },
      ...(selection.metadataOnly ? { accept: metadataOnly('PartialObjectMetadataList') } : {}),
      signal,
      timeoutMs: PAGE_TIMEOUT_MS,
    });
    for (const item of page.items ?? []) objects.push(item);
    resourceVersion = page.metadata?.resourceVersion ?? '';
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
  if (resourceVersion === '') throw new SyntaxError('the answer to a list is no list');
  return { objects, resourceVersion };
}

/** @see https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
export function metadataOnly(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`;
}

export function selectors({ labelSelector, fieldSelector }: Selection): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}
