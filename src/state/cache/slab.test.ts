import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYTHING, Invalidations } from './invalidations.ts';
import { createCacheMemory } from './memory.ts';
import { Slab } from './slab.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

function slabs(size: number): [Slab, Slab] {
  const { answers } = createCacheMemory({ bytes: size, threads: 2 });
  return [new Slab(answers, 0), new Slab(answers, 1)];
}

describe('Slab', () => {
  it('gives back what was written last, or nothing, to every thread', () => {
    const key = fc.constantFrom('', 'a', 'b', 'ab', 'ü', 'x'.repeat(300));
    const value = fc.integer({ min: 0, max: 3000 });
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('write' as const), by: fc.nat(1), key, size: value }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), by: fc.nat(1), key, size: value }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('read' as const), by: fc.nat(1), key, size: value }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const views = slabs(16_384);
        const model = new Map<string, string>();
        let turn = 0;
        for (const { kind, by, key: name, size } of steps) {
          const slab = views[by]!;
          if (kind === 'write') {
            const text = `${turn++}:`.padEnd(size, String.fromCharCode(65 + (turn % 26)));
            const place = slab.write(name, bytes(text), []);
            if (place === null) model.delete(name);
            else model.set(name, text);
          } else if (kind === 'remove') {
            slab.remove(name);
            model.delete(name);
          } else {
            const found = slab.read(name)?.value.toString('latin1') ?? null;
            if (found !== null) expect(found).toBe(model.get(name));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps everything while there is room', () => {
    const [slab, other] = slabs(4 * 1024 * 1024);
    for (let i = 0; i < 200; i++) slab.write(`key ${i}`, bytes(`value ${i}`), []);
    let kept = 0;
    for (let i = 0; i < 200; i++) if (other.read(`key ${i}`)?.value.toString() === `value ${i}`) kept++;
    expect(kept).toBe(200);
  });

  it('forgets what is oldest first, and keeps what is read', () => {
    const [slab] = slabs(65_536);
    slab.write('read', bytes('r'), []);
    slab.write('unread', bytes('u'), []);
    for (let i = 0; i < 400; i++) {
      slab.write(`filler ${i % 3}`, Buffer.alloc(1000), []);
      expect(slab.read('read')?.value.toString()).toBe('r');
    }
    expect(slab.read('unread')).toBeNull();
  });

  it('does not take what is larger than a quarter of a ring', () => {
    const [slab] = slabs(65_536);
    expect(slab.write('large', Buffer.alloc(13_000), [])).toBeNull();
    expect(slab.read('large')).toBeNull();
    expect(slab.write('small', Buffer.alloc(slab.largest - 10), [])).not.toBeNull();
  });

  it('voids copies in all threads when something is written anew or removed', () => {
    const [slab, other] = slabs(65_536);
    const place = slab.write('k', bytes('1'), [])!;
    expect(other.holds(place)).toBe(true);
    const next = other.write('k', bytes('2'), [])!;
    expect(slab.holds(place)).toBe(false);
    expect(slab.holds(next)).toBe(true);
    other.remove('k');
    expect(slab.holds(next)).toBe(false);
  });

  it('voids copies of what the ring has forgotten when that is removed', () => {
    const [slab, other] = slabs(16_384);
    const place = slab.write('k', bytes('1'), [7])!;
    for (let i = 0; i < 40; i++) slab.write('filler', Buffer.alloc(2000), []);
    expect(slab.read('k')).toBeNull();
    const marked = slab.write('m', bytes('1'), [7])!;
    for (let i = 0; i < 40; i++) slab.write('filler', Buffer.alloc(2000), []);
    if (other.holds(place)) {
      other.remove('k');
      expect(slab.holds(place)).toBe(false);
    }
    other.removeMarked(7);
    expect(slab.holds(marked)).toBe(false);
  });

  it('removes by mark', () => {
    const [slab, other] = slabs(65_536);
    slab.write('a', bytes('1'), [1, 2]);
    slab.write('b', bytes('2'), [2]);
    slab.write('c', bytes('3'), []);
    expect(other.removeMarked(1)).toBe(1);
    expect(slab.read('a')).toBeNull();
    expect(slab.read('b')).not.toBeNull();
    expect(other.removeMarked(0)).toBe(2);
    expect(slab.read('c')).toBeNull();
  });

  it('knows what was made void since when', () => {
    const { answers } = createCacheMemory({ bytes: 65_536, threads: 2 });
    const [one, other] = [new Invalidations(answers), new Invalidations(answers)];
    const before = one.count;
    other.add(5);
    expect(one.concernsSince(before, [4, 5])).toBe(true);
    expect(one.concernsSince(before, [6])).toBe(false);
    expect(one.concernsSince(one.count, [5])).toBe(false);
    other.add(EVERYTHING);
    expect(one.concernsSince(before, [6])).toBe(true);
    const later = one.count;
    for (let i = 0; i < 2000; i++) one.add(9);
    expect(one.concernsSince(later, [6])).toBe(true);
    expect(one.markOf('a')).toBe(other.markOf('a'));
    expect(one.markOf('a')).not.toBe(one.markOf('b'));
  });
});
