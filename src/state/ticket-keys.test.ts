import { expect, test } from 'vitest';
import { createTicketKeyMemory, rotateTicketKeys, TICKET_KEY_BYTES, TicketKeys } from './ticket-keys.ts';

test('threads have the same keys, and learn of new ones when they look', () => {
  const memory = createTicketKeyMemory();
  const [one, other] = [new TicketKeys(memory), new TicketKeys(memory)];
  const before = one.current;
  expect(before).toHaveLength(TICKET_KEY_BYTES);
  expect(before.every((byte) => byte === 0)).toBe(false);
  expect(other.current.equals(before)).toBe(true);
  expect(one.refresh()).toBe(false);
  rotateTicketKeys(memory);
  expect(one.current).toBe(before);
  expect([one.refresh(), other.refresh(), one.refresh()]).toEqual([true, true, false]);
  expect(one.current.equals(before)).toBe(false);
  expect(other.current.equals(one.current)).toBe(true);
});

test('in the middle of a change they keep what they have', () => {
  const memory = createTicketKeyMemory();
  const keys = new TicketKeys(memory);
  const before = Buffer.from(keys.current);
  Atomics.add(new Int32Array(memory.shared, 0, 1), 0, 1);
  new Uint8Array(memory.shared).fill(7, 8);
  expect(keys.refresh()).toBe(false);
  expect(keys.current.equals(before)).toBe(true);
});
