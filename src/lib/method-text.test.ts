import { expect, test } from 'vitest';
import { methodProblem } from './method-text.ts';

test.each([
  ['GET', null],
  ['get', 'methods are told by case: write GET'],
  ['Patch', 'methods are told by case: write PATCH'],
  ['*', null],
  ['m-search', null],
])('%s: %s', (method, problem) => {
  expect(methodProblem(method)).toBe(problem);
});
