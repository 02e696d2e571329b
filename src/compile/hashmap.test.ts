import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HashMap, hashOf, mapDelete, mapForEach, mapGet, mapGetKey, mapSet } from './hashmap.ts';

type Op = { readonly set: boolean; readonly key: string; readonly value: number; readonly newToken: boolean };

const key = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.nat(2000).map((n) => `route-${n}`),
);
const op: fc.Arbitrary<Op> = fc.record({
  set: fc.boolean(),
  key,
  value: fc.nat(),
  newToken: fc.boolean(),
});

function contents(map: HashMap<number>): Map<string, number> {
  const found = new Map<string, number>();
  mapForEach(map, (value, k) => found.set(k, value));
  return found;
}

function run(ops: readonly Op[], rekey: (key: string) => string): void {
  let map: HashMap<number> = null;
  let token = {};
  const model = new Map<string, number>();
  const snapshots: { map: HashMap<number>; expected: Map<string, number> }[] = [];
  for (const { set, value, newToken, key: raw } of ops) {
    const k = rekey(raw);
    if (newToken) {
      snapshots.push({ map, expected: new Map(model) });
      token = {};
    }
    map = set ? mapSet(map, k, value, token) : mapDelete(map, k, token);
    if (set) model.set(k, value);
    else model.delete(k);
    expect(mapGetKey(map, k)).toBe(model.get(k) ?? null);
  }
  snapshots.push({ map, expected: model });
  for (const snapshot of snapshots) expect(contents(snapshot.map)).toEqual(snapshot.expected);
  if (model.size === 0) expect(map).toBe(null);
}

test('behaves as a Map, and a copy of an earlier token never changes', () => {
  fc.assert(fc.property(fc.array(op, { maxLength: 200 }), (ops) => run(ops, (k) => k)));
});

test('holds keys whose hashes collide', () => {
  const seen = new Map<number, string>();
  const colliding: string[] = [];
  for (let i = 0; colliding.length < 6 && i < 2_000_000; i++) {
    const k = `k${i.toString(36)}`;
    const other = seen.get(hashOf(k));
    if (other === undefined) seen.set(hashOf(k), k);
    else colliding.push(k, other);
  }
  expect(colliding.length).toBeGreaterThanOrEqual(6);
  const rekey = (k: string) => colliding[k.length % 6] as string;
  fc.assert(fc.property(fc.array(op, { maxLength: 60 }), (ops) => run(ops, rekey)));
});

test('finds a key as a range of a longer text', () => {
  const map = mapSet<number>(mapSet<number>(null, 'users', 1, {}), 'user', 2, {});
  const path = '/api/users/7';
  expect(mapGet(map, hashOf('users'), path, 5, 10)).toBe(1);
  expect(mapGet(map, hashOf('user'), path, 5, 9)).toBe(2);
  expect(mapGet(map, hashOf('user'), path, 5, 10)).toBe(null);
});
