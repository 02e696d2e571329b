import { expect, test } from 'vitest';
import { SharedRegistry } from './shared-registry.ts';

test('equal keys share one; it is closed after the last, once', () => {
  const registry = new SharedRegistry<{ close(): void }>();
  let made = 0;
  let closed = 0;
  const take = (key: string) => registry.take(key, () => ({ close: () => void closed++, id: ++made }));
  const [a, b, other] = [take('k'), take('k'), take('o')];
  expect(a.value).toBe(b.value);
  expect(other.value).not.toBe(a.value);
  a.release();
  a.release();
  expect(closed).toBe(0);
  b.release();
  expect(closed).toBe(1);
  expect(take('k').value).not.toBe(a.value);
  expect(made).toBe(3);
});
