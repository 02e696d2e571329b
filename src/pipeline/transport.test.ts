import { expect, test } from 'vitest';
import type { Exchange } from './exchange.ts';
import { cameByHttps } from './transport.ts';

const exchange = (scheme: string, trusted: boolean, said: string | null) =>
  ({ request: { scheme, header: () => said }, client: { trusted } }) as unknown as Exchange;

test.each([
  ['https', false, null, true],
  ['http', false, null, false],
  // Nobody in particular says so.
  ['http', false, 'https', false],
  ['https', false, 'http', true],
  // A proxy says so whose word we take.
  ['http', true, 'https', true],
  ['https', true, 'http', false],
  ['https', true, null, true],
  ['https', true, 'gopher', true],
])('by %s, trusted: %s, X-Forwarded-Proto: %s', (scheme, trusted, said, expected) => {
  expect(cameByHttps(exchange(scheme, trusted, said))).toBe(expected);
});
