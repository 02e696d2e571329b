import { resolve } from 'node:path';

/** The key of a document that is a file by itself. */
export const DOCUMENT_KEY = 'document';

/** A document in a file is kept as a ConfigMap that no namespace has: this is its name. */
export function documentFileRef(file: string): { kind: 'ConfigMap'; namespace: ''; name: string } {
  return { kind: 'ConfigMap', namespace: '', name: resolve(file) };
}
