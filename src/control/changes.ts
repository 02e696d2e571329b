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

/**
 * A first change in parts, to be taken one after the other: the first has everything that routes refer to. At least one.
 * @param size routes of a part
 */
export function inParts(change: ResourceChange, size: number): readonly ResourceChange[] {
  const routes = change.upsert.filter(({ kind }) => kind === 'GatewayRoute');
  if (routes.length <= size) return [change];
  const others = change.upsert.filter(({ kind }) => kind !== 'GatewayRoute');
  const parts: ResourceChange[] = [];
  for (let at = 0; at < routes.length; at += size) {
    const some = routes.slice(at, at + size);
    parts.push({ ...change, upsert: at === 0 ? [...others, ...some] : some });
  }
  return parts;
}
