import { expect, test } from 'vitest';
import { mergeConditions, type StoredCondition, type WantedCondition } from './merge.ts';

const now = new Date('2026-05-05T12:00:00.123Z');
const earlier = '2026-01-01T00:00:00Z';
const accepted: WantedCondition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine' };
const stored = (change: Partial<StoredCondition> = {}): StoredCondition => ({
  ...accepted,
  observedGeneration: 1,
  lastTransitionTime: earlier,
  ...change,
});

test('what is stored already is not written', () => {
  expect(mergeConditions([stored()], [accepted], 1, now)).toMatchObject({ changed: false, transitions: [] });
});

test('the time of the transition stays while the status does', () => {
  const merged = mergeConditions([stored({ message: 'old' })], [accepted], 2, now);
  expect(merged).toMatchObject({ changed: true, transitions: [] });
  expect(merged.conditions).toEqual([stored({ observedGeneration: 2 })]);
});

test('a transition has the time of now', () => {
  const merged = mergeConditions([stored({ status: 'False' })], [accepted], 1, now);
  expect(merged.conditions[0]?.lastTransitionTime).toBe('2026-05-05T12:00:00Z');
  expect(merged.transitions.map(({ type }) => type)).toEqual(['Accepted']);
});

test('of what is new only what is wrong is a transition', () => {
  const shadowed: WantedCondition = { type: 'Shadowed', status: 'True', reason: 'Shadowed', message: 'by x' };
  const merged = mergeConditions([], [accepted, shadowed], 1, now);
  expect(merged.transitions.map(({ type }) => type)).toEqual(['Shadowed']);
});

test('one of ours that is not wanted any more has to go; those of others may stay', () => {
  const shadowed = stored({ type: 'Shadowed' });
  expect(mergeConditions([stored(), shadowed], [accepted], 1, now).changed).toBe(true);
  expect(mergeConditions([stored(), stored({ type: 'Theirs' })], [accepted], 1, now).changed).toBe(false);
});
