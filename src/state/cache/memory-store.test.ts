import { expect, it } from 'vitest';
import { createCacheMemory } from './memory.ts';
import { MemoryAnswers } from './memory-store.ts';
import { answerOf, describeStore, wantedOf } from './testing.ts';

describeStore('MemoryAnswers', async () => {
  const memory = createCacheMemory({ bytes: 1024 * 1024, threads: 2 });
  return [new MemoryAnswers(memory, 0), new MemoryAnswers(memory, 1)];
});

describeStore('MemoryAnswers without copies', async () => {
  const memory = { ...createCacheMemory({ bytes: 1024 * 1024, threads: 2 }), unpackedBytes: 0 };
  return [new MemoryAnswers(memory, 0), new MemoryAnswers(memory, 1)];
});

it('does not keep what is too large for its memory', () => {
  const store = new MemoryAnswers(createCacheMemory({ bytes: 65_536, threads: 1 }), 0);
  const how = { vary: [], maxVariants: 1, since: store.moment, usefulMs: 1 };
  expect(store.keep(wantedOf('u'), answerOf('x'.repeat(20_000)), how)).toBe(false);
  expect(store.find(wantedOf('u')).kind).toBe('missing');
});
