import { policyCatalogue } from '../../src/policies/index.ts';
import type { Entry, TestAnswer, TestRequest } from '../../src/policies/testing.ts';
import { AUDIENCE, ISSUER, issueTokens, PAGE } from '../chain/tokens.ts';

/** A policy at what it does for nearly every request: it lets one through. */
export interface PolicyCase {
  readonly title: string;
  readonly entries: readonly Entry[];
  readonly sent: TestRequest;
}

const { pem, tokens } = issueTokens();

/** What a web page sends: ten lines. */
const LINES = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  'Accept: application/json',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, deflate, br',
  `Origin: ${PAGE}`,
  `Referer: ${PAGE}/cart`,
  `Authorization: Bearer ${tokens[0]}`,
  'X-Debug: 1',
  'X-Tenant: blue',
];
const GET: TestRequest = { target: '/api/v1/users/4711?fields=name', lines: LINES };
const POST: TestRequest = { ...GET, method: 'POST' };

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

function one(name: string, config: unknown, what: string, sent = GET): PolicyCase {
  return { title: `${name}, ${what}`, entries: [entry(name, config)], sent };
}

function entry(name: string, config: unknown): Entry {
  return [policyCatalogue.get(name)!, config];
}

const JWT = {
  keys: [{ pem, algorithms: ['RS256'] }],
  issuers: [ISSUER],
  audiences: [AUDIENCE],
  claimsToHeaders: [{ claim: 'sub', header: 'X-User' }],
};
const bucket = (key: unknown) => ({
  limits: [{ name: 'all', key: [key], tokenBucket: { capacity: 1_000_000_000, rate: '100000000/s' } }],
});

const SHADOW: readonly Entry[] = [
  [policyCatalogue.get('rateLimit')!, bucket({ clientAddress: {} }), 'shadow'],
];
const QUERY = { required: ['fields'], properties: { fields: { type: 'string', pattern: '^[a-z,]+$' } } };
const USERS = {
  template: '/api/v1/users/{id}',
  schema: { properties: { id: { type: 'integer', minimum: 1 } } },
};

export const CASES: readonly PolicyCase[] = [
  one('concurrencyLimit', { max: 1000, key: [{ clientAddress: {} }] }, 'by address'),
  one('cors', { origins: [PAGE], credentials: true }, 'a call from a listed origin'),
  one('csrf', { trustedOrigins: [PAGE] }, 'a POST from a trusted origin', POST),
  one('errorPages', { pages: [{ statuses: ['5xx'], body: 'sorry' }] }, 'an answer that is none'),
  one('ipAccess', { allow: ['192.0.2.0/24', '2001:db8::/32'] }, 'allow list of two blocks'),
  one('jwt', JWT, 'RS256, a token that was seen before'),
  one('overload', {}, 'a thread that keeps up'),
  one('rateLimit', bucket({ clientAddress: {} }), 'one bucket by address, in memory'),
  { ...one('rateLimit', bucket({ clientAddress: {} }), 'the same in shadow mode'), entries: SHADOW },
  one('requestHeaders', { remove: ['X-Debug'] }, 'remove one'),
  one(
    'requestHeaders',
    { set: [{ name: 'X-Route', value: '${' + 'requestId}' }] },
    'set one from a variable',
  ),
  one('responseHeaders', { set: [{ name: 'X-Frame-Options', value: 'DENY' }] }, 'set one'),
  one('securityHeaders', {}, 'the three defaults'),
  one('statusMap', { preset: 'standard' }, 'a status that is not mapped'),
  one('validate', { query: { schema: QUERY }, path: USERS }, 'a query and a path by their schemas'),
  {
    title: 'all of the chain: jwt, rateLimit, cors, requestHeaders, responseHeaders',
    entries: [
      entry('jwt', JWT),
      entry('rateLimit', bucket({ clientAddress: {} })),
      entry('cors', { origins: [PAGE] }),
      entry('requestHeaders', { remove: ['X-Debug'] }),
      entry('responseHeaders', { set: [{ name: 'X-Frame-Options', value: 'DENY' }], remove: ['ETag'] }),
    ],
    sent: GET,
  },
];
