import { objectKey } from '../ir/origin.ts';
import type { ResourceChange } from '../sources/source.ts';

/** Several changes as one: the last word on each object, and the last list of findings. */
export function mergeChanges(changes: readonly ResourceChange[]): ResourceChange {
  if (changes.length === 1) return changes[0]!;
  const upsert = new Map<string, ResourceChange['upsert'][number]>();
  const remove = new Map<string, ResourceChange['remove'][number]>();
  for (const change of changes) {
    for (const ref of change.remove) {
      upsert.delete(objectKey(ref));
      remove.set(objectKey(ref), ref);
    }
    for (const object of change.upsert) {
      remove.delete(objectKey(object.ref));
      upsert.set(objectKey(object.ref), object);
    }
  }
  return {
    upsert: [...upsert.values()],
    remove: [...remove.values()],
    findings: changes.at(-1)?.findings ?? [],
  };
}
