// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { fields } from '../../src/lib/schema.ts';
import { identityOf, identitySlot } from '../../src/pipeline/identity.ts';
import { definePolicy } from '../../src/pipeline/policy.ts';
import type { Entry } from '../../src/policies/testing.ts';
import { AUDIENCE, ISSUER, PAGE } from '../chain/tokens.ts';
import { BODY_CASES } from './body-cases.ts';
import { entry, one, type PolicyCase, request } from './case.ts';
import { BEARER, CREDENTIAL_CASES, JWT } from './credential-cases.ts';

const bucket = (key: unknown, more: object = {}) => ({
  limits: [
    { name: 'all', key: [key], tokenBucket: { capacity: 1_000_000_000, rate: '100000000/s' }, ...more },
  ],
});
const byAddress = { clientAddress: {} };
const SHADOW: Entry = [entry('rateLimit', {})[0], bucket(byAddress), 'shadow'];
const fromPage = { sent: request([`Origin: ${PAGE}`, `Referer: ${PAGE}/cart`]) };

/** Says who it is, for what is done with that. */
const known = definePolicy({
  name: 'known',
  phase: 'edge',
  summary: 'For the benchmark.',
  schema: fields({}, 'Nothing.'),
  bind: () => {
    const claims = { sub: 'ann', tenant: 'blue' };
    const who = { user: 'ann', consumer: 'acme', schemes: ['jwt'], groups: ['g1', 'g2'], roles: ['editor'] };
    const identity = identityOf({ ...who, permissions: ['users:read', 'users:write'], claims });
    return { onRequest: (x) => x.set(identitySlot, identity) };
  },
});
const beside: readonly Entry[] = [[known, {}]];
function ofSomebody(policy: string, config: unknown, what: string): PolicyCase {
  return one(policy, config, what, { beside, entries: [...beside, entry(policy, config)] });
}

const QUERY = { required: ['fields'], properties: { fields: { type: 'string', pattern: '^[a-z,]+$' } } };
const USERS = {
  template: '/api/v1/users/{id}',
  schema: { properties: { id: { type: 'integer', minimum: 1 } } },
};
const PATHS = Array.from({ length: 1000 }, (_, i) => ({ from: `/old/${i}.do`, to: `/new/${i}` }));

const OTHERS: readonly PolicyCase[] = [
  one('bodyLimit', { maxBytes: '1Mi' }, 'a body that tells its length', {
    sent: request([], { method: 'POST', body: 'x'.repeat(900) }),
  }),
  one('concurrencyLimit', { max: 1000, key: [byAddress] }, 'by address'),
  one('cors', { origins: [PAGE], credentials: true }, 'a call from a listed origin', fromPage),
  one('csrf', { trustedOrigins: [PAGE] }, 'a POST from a trusted origin', {
    sent: request([`Origin: ${PAGE}`], { method: 'POST' }),
  }),
  one('errorPages', { pages: [{ statuses: ['5xx'], body: 'sorry' }] }, 'an answer that is none'),
  one(
    'fault',
    { abort: { status: 503, percent: 0 }, delay: { duration: '1s', percent: 0 } },
    'two shares of nothing',
  ),
  ofSomebody('identityHeaders', {}, 'user, Consumer, groups and roles'),
  one('ipAccess', { allow: ['192.0.2.0/24', '2001:db8::/32'] }, 'allow list of two blocks'),
  one('overload', {}, 'a thread that keeps up'),
  one('pathMap', { paths: PATHS }, 'a table of 1000 that has it', {
    sent: request([], { target: '/old/500.do' }),
  }),
  one('rateLimit', bucket(byAddress), 'one bucket by address, in memory'),
  one('rateLimit', bucket(byAddress), 'the same in shadow mode', { entries: [SHADOW] }),
  one(
    'rateLimit',
    { ...bucket(byAddress, { statuses: ['401'] }), before: 'authentication' },
    'before authentication, 401 alone',
  ),
  one('requestHeaders', { remove: ['X-Debug'] }, 'remove one'),
  one('requestHeaders', { set: [{ name: 'X-Route', value: '${requestId}' }] }, 'set one from a variable'),
  one('requestQuery', { rename: [{ from: 'fields', to: 'only' }] }, 'a rename'),
  ofSomebody('require', { permissions: ['users:read'] }, 'a permission'),
  ofSomebody(
    'require',
    { expressions: ['claims.tenant == request.headers["x-tenant"]'] },
    'an expression in CEL',
  ),
  one('responseHeaders', { set: [{ name: 'X-Frame-Options', value: 'DENY' }] }, 'set one'),
  one('securityHeaders', {}, 'the three defaults'),
  one('statusMap', { preset: 'standard' }, 'a status that is not mapped'),
  one('validate', { query: { schema: QUERY }, path: USERS }, 'a query and a path by their schemas'),
];

const CHAIN: PolicyCase = {
  policy: '',
  what: 'all of the chain: jwt, rateLimit, cors, requestHeaders, responseHeaders',
  slow: false,
  prepare: () => ({
    entries: [
      entry('jwt', { ...JWT, issuers: [ISSUER], audiences: [AUDIENCE] }),
      entry('rateLimit', bucket(byAddress)),
      entry('cors', { origins: [PAGE] }),
      entry('requestHeaders', { remove: ['X-Debug'] }),
      entry('responseHeaders', { set: [{ name: 'X-Frame-Options', value: 'DENY' }], remove: ['ETag'] }),
    ],
    sent: request([`Origin: ${PAGE}`, `Referer: ${PAGE}/cart`, BEARER]),
  }),
};

/** Every policy of the catalogue, in the order of their names; what takes long is last of each. */
export const CASES: readonly PolicyCase[] = [
  ...[...OTHERS, ...CREDENTIAL_CASES, ...BODY_CASES].toSorted((a, b) =>
    a.policy < b.policy ? -1 : Number(a.policy > b.policy),
  ),
  CHAIN,
];
