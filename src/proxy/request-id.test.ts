import { describe, expect, it } from 'vitest';
import { newRequestId } from './request-id.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('newRequestId', () => {
  it('is a UUID of version 7 that tells its time', () => {
    const nowMs = Date.UTC(2026, 10, 24);
    const id = newRequestId(nowMs);
    expect(id).toMatch(UUID_V7);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(nowMs);
  });

  it('within a millisecond, sorts as it was made, for 4096 of them', () => {
    const ids = Array.from({ length: 4096 }, () => newRequestId(1_800_000_000_000));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('sorts by time', () => {
    const ids = [1_800_000_000_001, 1_800_000_000_002, 1_900_000_000_000].map(newRequestId);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('never makes the same twice, though the clock stands still or goes back', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 100_000; i++) ids.add(newRequestId(1_800_000_000_000 + (i % 7)));
    for (let i = 0; i < 20_000; i++) ids.add(newRequestId(1_800_000_000_000));
    expect(ids.size).toBe(120_000);
    for (const id of [...ids].slice(-10)) expect(id).toMatch(UUID_V7);
  });
});
