import { policyCatalogue } from '../../src/policies/index.ts';
import type { Entry, TestAnswer, TestRequest, TestSurroundings } from '../../src/policies/testing.ts';

/** What is measured of one policy, ready. */
export interface Prepared {
  readonly entries: readonly Entry[];
  /** Entries that stand in the rule without the policy, too. */
  readonly beside?: readonly Entry[];
  readonly surroundings?: TestSurroundings;
  readonly sent: TestRequest;
  readonly answer?: TestAnswer;
  /** The policy answers in place of the backend. */
  readonly replies?: boolean;
  close?(): Promise<void>;
}

/** A policy at what it does for nearly every request: it lets one through. */
export interface PolicyCase {
  /** In the catalogue; empty: several together. */
  readonly policy: string;
  readonly what: string;
  /** Bodies are read, or other threads work: the time of all threads counts, and it is microseconds. */
  readonly slow: boolean;
  /** Called right before it is measured: signatures are for minutes. */
  prepare(): Prepared | Promise<Prepared>;
}

/** What a web page sends: ten lines. */
const PAGE_LINES = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  'Accept: application/json',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, deflate, br',
  'X-Debug: 1',
  'X-Tenant: blue',
];

export const ANSWER: TestAnswer = {
  lines: [
    'Date: Thu, 26 Nov 2026 10:00:00 GMT',
    'Content-Type: application/json',
    'Content-Length: 200',
    'ETag: "5f2a-1c8e"',
    'Last-Modified: Thu, 26 Nov 2026 09:00:00 GMT',
    'Cache-Control: private',
  ],
};

/** A request for the API, with more lines. */
export function request(lines: readonly string[] = [], more: Omit<TestRequest, 'lines'> = {}): TestRequest {
  return { target: '/api/v1/users/4711?fields=name', lines: [...PAGE_LINES, ...lines], ...more };
}

export function entry(name: string, config: unknown): Entry {
  return [policyCatalogue.get(name)!, config];
}

/** A policy that needs nothing but its configuration. */
export function one(policy: string, config: unknown, what: string, more: Partial<Prepared> = {}): PolicyCase {
  const prepare = () => ({ entries: [entry(policy, config)], sent: request(), ...more });
  return { policy, what, slow: false, prepare };
}

/** As {@link one}, with the bodies. */
export function slow(
  policy: string,
  config: unknown,
  what: string,
  more: Partial<Prepared> = {},
): PolicyCase {
  return { ...one(policy, config, what, more), slow: true };
}
