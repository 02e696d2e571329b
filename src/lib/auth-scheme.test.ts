import { expect, test } from 'vitest';
import { credentialOf } from './auth-scheme.ts';

test.each([
  ['Bearer a.b', 'a.b'],
  ['bEARER   a.b ', 'a.b'],
  ['Bearer\ta.b', 'a.b'],
  ['Bearer\u00a0a.b', 'a.b'],
  ['\u00a0Bearer a.b', 'a.b'],
  ['Bearer', null],
  ['Bearer ', null],
  ['Bearers a', null],
  ['Basic YTpi', null],
  ['Digest username="a", realm="b"', null],
  ['', null],
  // Which of the two would the backend believe?
  ['Bearer a, Bearer b', 'a, Bearer b'],
  ['Basic YTpi, Bearer a', 'Basic YTpi, Bearer a'],
  ['Basic YTpi,bearer\ta', 'Basic YTpi,bearer\ta'],
  ['Basic YTpi, Bearer', null],
])('%j says %j to bearer', (value, said) => {
  expect(credentialOf(value, 'bearer')).toBe(said);
});
