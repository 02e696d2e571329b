import { expect, test } from 'vitest';
import { ReplicaProgress } from './progress.ts';

const ack = (version: string, failure: string | null = null) => ({ key: 'R/n/a', version, failure });

test('counts the ready replicas that serve a version', () => {
  const progress = new ReplicaProgress();
  progress.setReplicas(new Set(['one', 'two']));
  expect(progress.of('R/n/a', 'v2')).toEqual({ done: 0, total: 2, failure: null });
  expect(progress.take('one', { epoch: 'e', cursor: 1, attended: true, acks: [ack('v2')] })).toEqual([
    'R/n/a',
  ]);
  progress.take('two', { epoch: 'e', cursor: 1, attended: true, acks: [ack('v1')] });
  expect(progress.of('R/n/a', 'v2')).toEqual({ done: 1, total: 2, failure: null });
  progress.take('two', { epoch: 'e', cursor: 2, attended: true, acks: [ack('v2', 'rule 0')] });
  expect(progress.of('R/n/a', 'v2')).toEqual({ done: 2, total: 2, failure: 'rule 0' });
  expect(progress.position('two')).toEqual({ epoch: 'e', cursor: 2 });
});

test('a replica that started anew has acknowledged only what it says now', () => {
  const progress = new ReplicaProgress();
  progress.setReplicas(new Set(['one']));
  progress.take('one', { epoch: 'e', cursor: 7, attended: true, acks: [ack('v1')] });
  expect(progress.take('one', { epoch: 'f', cursor: 0, attended: true, acks: [] })).toEqual(['R/n/a']);
  expect(progress.of('R/n/a', 'v1').done).toBe(0);
});

test('a replica that is not ready any more does not count', () => {
  const progress = new ReplicaProgress();
  progress.setReplicas(new Set(['one', 'two']));
  progress.take('one', { epoch: 'e', cursor: 1, attended: true, acks: [ack('v1')] });
  progress.setReplicas(new Set(['one']));
  expect(progress.of('R/n/a', 'v1')).toEqual({ done: 1, total: 1, failure: null });
  expect(progress.take('two', { epoch: 'e', cursor: 1, attended: true, acks: [ack('v1')] })).toEqual([]);
});

test('a replica that nobody follows does not count, unless that is all of them', () => {
  const progress = new ReplicaProgress();
  progress.setReplicas(new Set(['one', 'two']));
  progress.take('one', { epoch: 'e', cursor: 1, attended: true, acks: [ack('v1')] });
  expect(progress.take('two', { epoch: 'e', cursor: 0, attended: false, acks: [] })).toBe('all');
  expect(progress.of('R/n/a', 'v1')).toEqual({ done: 1, total: 1, failure: null });
  expect(progress.take('one', { epoch: 'e', cursor: 2, attended: false, acks: [] })).toBe('all');
  expect(progress.of('R/n/a', 'v1')).toEqual({ done: 0, total: 2, failure: null });
  expect(progress.take('two', { epoch: 'e', cursor: 1, attended: true, acks: [] })).toBe('all');
  expect(progress.of('R/n/a', 'v1')).toEqual({ done: 0, total: 1, failure: null });
});
