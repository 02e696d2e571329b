import { expect, test } from 'vitest';
import { addCounts, countReport, formatCounts, listFailures, NO_TESTS } from './test-counts.ts';

const file = (status: 'passed' | 'failed', ...tests: string[]) => ({
  status,
  name: 'a.test.ts',
  message: '',
  assertionResults: tests.map((each, index) => ({ status: each, fullName: `test ${index}` })),
});

test('counts tests over files, and never a skipped one as passed', () => {
  const report = {
    testResults: [file('passed', 'passed', 'pending', 'todo', 'skipped'), file('failed', 'passed', 'failed')],
  };
  expect(countReport(report)).toEqual({ passed: 2, failed: 1, skipped: 3 });
});

test('counts a file that could not be loaded as a failure', () => {
  expect(countReport({ testResults: [file('failed')] })).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test('counts a file whose hook threw after its tests as a failure', () => {
  expect(countReport({ testResults: [file('failed', 'passed', 'passed')] })).toEqual({
    passed: 2,
    failed: 1,
    skipped: 0,
  });
});

test('adds runs up', () => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  expect(addCounts(one, addCounts(one, NO_TESTS))).toEqual({ passed: 2, failed: 4, skipped: 6 });
});

test('prints skipped tests only when there are some, and never in the last line', () => {
  expect(formatCounts({ passed: 7, failed: 0, skipped: 0 })).toBe('7 passed, 0 failed');
  expect(formatCounts({ passed: 7, failed: 1, skipped: 2 })).toBe('2 skipped\n7 passed, 1 failed');
});

test('repeats what failed: tests with their messages, and files that could not be loaded', () => {
  const failed = { ...file('failed', 'passed', 'failed'), name: 'b.test.ts' };
  const [passing, broken] = failed.assertionResults;
  const withMessage = {
    ...failed,
    assertionResults: [passing!, { ...broken!, failureMessages: ['Error: 1\nat b'] }],
  };
  const unloaded = { ...file('failed'), name: 'c.test.ts', message: 'no such module' };
  expect(listFailures({ testResults: [file('passed', 'passed'), withMessage, unloaded] })).toEqual([
    'FAILED b.test.ts > test 1\n    Error: 1\n    at b',
    'FAILED c.test.ts\n    no such module',
  ]);
});

test('does not repeat a message of many lines whole', () => {
  const [one] = listFailures({
    testResults: [{ ...file('failed'), message: Array.from({ length: 100 }, () => 'x').join('\n') }],
  });
  expect(one!.split('\n')).toHaveLength(13);
});
