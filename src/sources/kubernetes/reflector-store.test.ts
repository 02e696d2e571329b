import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from './client/object.ts';
import type { WatchEvent } from './client/watch.ts';
import type { ReflectorDelta } from './reflector.ts';
import { ReflectorStore } from './reflector-store.ts';

const kind = { kind: 'Thing', apiVersion: 'v1', plural: 'things' };
const name = fc.constantFrom('a', 'b', 'c', 'd');
const uid = fc.constantFrom('u1', 'u2');

type Step =
  | { readonly do: 'list'; readonly names: readonly string[]; readonly uid: string }
  | { readonly do: 'watch'; readonly events: readonly (readonly [WatchEvent['type'], string, string])[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('list' as const), names: fc.uniqueArray(name), uid }),
  fc.record({
    do: fc.constant('watch' as const),
    events: fc.array(
      fc.tuple(
        fc.constantFrom('ADDED' as const, 'MODIFIED' as const, 'DELETED' as const, 'BOOKMARK' as const),
        name,
        uid,
      ),
      { maxLength: 6 },
    ),
  }),
);

test('the deltas add up to what lists and watches say', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const store = new ReflectorStore(kind);
      const copy = new Map<string, string>();
      const truth = new Map<string, string>();
      let version = 0;
      const make = (objectName: string, objectUid: string): KubeObject => {
        version += 1;
        return {
          metadata: { name: objectName, namespace: 'n', uid: objectUid, resourceVersion: String(version) },
        };
      };
      const take = ({ upsert, remove }: ReflectorDelta): void => {
        const touched = [...upsert.map(({ metadata }) => metadata.name), ...remove.map((ref) => ref.name)];
        expect(new Set(touched).size).toBe(touched.length);
        for (const ref of remove) {
          expect(copy.has(ref.name)).toBe(true);
          copy.delete(ref.name);
        }
        for (const { metadata } of upsert) copy.set(metadata.name, metadata.resourceVersion!);
      };
      for (const one of steps) {
        if (one.do === 'list') {
          const objects = one.names.map((objectName) => make(objectName, one.uid));
          truth.clear();
          for (const { metadata } of objects) truth.set(metadata.name, metadata.resourceVersion!);
          take(store.replace(objects));
          // The same list again is no change.
          expect(store.replace(objects)).toEqual({ upsert: [], remove: [] });
        } else {
          const events = one.events.map(([type, objectName, objectUid]) => ({
            type,
            object: make(objectName, objectUid),
          }));
          for (const { type, object } of events) {
            if (type === 'DELETED') truth.delete(object.metadata.name);
            else if (type !== 'BOOKMARK') truth.set(object.metadata.name, object.metadata.resourceVersion!);
          }
          take(store.apply(events));
        }
        expect(copy).toEqual(truth);
        expect(store.size).toBe(truth.size);
      }
    }),
  );
});
