import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { fields } from '../lib/schema.ts';
import { ABSENT, defineAuthenticator, refused, unauthorized } from '../pipeline/authenticator.ts';
import { identityOf, identitySlot } from '../pipeline/identity.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { authenticate } from './authenticate.ts';
import { bindPolicies, type Entry, exchange } from './testing.ts';

const events: string[] = [];

/** Believes its header `x-NAME`: `bad` is refused, `answer` is answered, `later-…` takes a turn. */
function believer(name: string, more: { readonly interactive?: boolean } = {}) {
  return defineAuthenticator({
    name,
    summary: 'For tests.',
    reasons: ['password'],
    schema: fields({ realm: Type.Optional(Type.String()) }, 'For tests.'),
    ...more,
    resolve: ({ realm }, context) => ({ realm: realm ?? 'r', id: context.id }),
    bind: ({ realm }) => ({
      authenticate(x) {
        events.push(`ask ${name}`);
        const said = x.request.header(`x-${name}`);
        if (said === null) return ABSENT;
        const user = said.replace('later-', '');
        const proof =
          user === 'bad'
            ? refused(`${name} is bad`, `${name} realm="${realm}"`, 'password')
            : user === 'answer'
              ? ({ kind: 'answered', reply: { status: 302, headers: [], body: '' } } as const)
              : ({ kind: 'passed', identity: identityOf({ user, schemes: [name] }) } as const);
        return user === said ? proof : Promise.resolve(proof);
      },
      missing: () =>
        more.interactive === true
          ? { status: 302, headers: [['location', '/login']], body: '' }
          : unauthorized(`${name} is missing`, `${name} realm="${realm}"`),
      strip: (x) => x.request.removeHeader(`x-${name}`),
      onResponse: (x) => x.response.addHeader('seen-by', name),
      onDone: () => void events.push(`done ${name}`),
      close: () => void events.push(`close ${name}`),
    }),
  });
}

const [one, two, login] = [believer('one'), believer('two'), believer('login', { interactive: true })];
const compound = authenticate([one, two, login]);
const tell = definePolicy({
  name: 'tell',
  phase: 'rewrite',
  summary: 'For tests.',
  schema: fields({}, 'For tests.'),
  bind: () => ({
    onRequest: (x) => x.request.setHeader('told', JSON.stringify(x.get(identitySlot) ?? null)),
  }),
});

async function send(lines: readonly string[], config: object, ...entries: readonly Entry[]) {
  events.length = 0;
  const outcome = await exchange(bindPolicies([compound, config], ...entries, [tell, {}]), { lines });
  const told = outcome.forwarded?.find((line) => line.startsWith('told: '))?.slice('told: '.length);
  return { ...outcome, identity: told === undefined ? undefined : JSON.parse(told) };
}

const BOTH = { anyOf: [{ one: { realm: 'a' } }, { two: { realm: 'b' } }] };

test.each(['', 'later-'])('any of them is enough, in their order (%s)', async (when) => {
  expect((await send([`X-One: ${when}ann`], BOTH)).identity).toMatchObject({ user: 'ann', schemes: ['one'] });
  expect((await send([`X-Two: ${when}bob`], BOTH)).identity).toMatchObject({ user: 'bob', schemes: ['two'] });
  expect((await send([`X-One: ${when}bad`, `X-Two: ${when}bob`], BOTH)).identity.schemes).toEqual(['two']);
  const first = await send([`X-One: ${when}ann`, `X-Two: ${when}bob`], BOTH);
  expect([first.identity.user, events]).toEqual(['ann', ['ask one', 'done one', 'done two']]);
  // What nobody looked at is not sent on either.
  expect(first.forwarded?.join()).not.toMatch(/x-one|x-two/);
  expect(first.lines.filter((line) => line.startsWith('seen-by'))).toEqual(['seen-by: one', 'seen-by: two']);
});

test.each(['', 'later-'])(
  'the first refusal is told, whether nobody may come in or not (%s)',
  async (when) => {
    for (const anonymous of [false, true]) {
      const outcome = await send([`X-One: ${when}bad`, `X-Two: ${when}bad`], { ...BOTH, anonymous });
      expect([outcome.status, outcome.header('www-authenticate')]).toEqual([401, 'one realm="a"']);
      expect((await send([`X-Two: ${when}bad`], { ...BOTH, anonymous })).body).toContain('two is bad');
    }
  },
);

test('without any: every challenge, or nobody, or the way to a login', async () => {
  const outcome = await send([], BOTH);
  expect(outcome.lines.filter((line) => line.startsWith('www-auth'))).toEqual([
    ...['www-authenticate: one realm="a"', 'www-authenticate: two realm="b"'],
  ]);
  expect([outcome.status, outcome.body]).toEqual([401, expect.stringContaining('Missing credentials')]);
  expect((await send([], { anyOf: [{ two: {} }] })).body).toContain('two is missing');
  expect((await send([], { ...BOTH, anonymous: true })).identity).toMatchObject({ user: null, schemes: [] });
  const redirect = await send([], { anyOf: [{ one: {} }, { login: {} }] });
  expect([redirect.status, redirect.header('location')]).toEqual([302, '/login']);
  expect((await send(['X-Login: answer'], { anyOf: [{ one: {} }, { login: {} }] })).status).toBe(302);
});

test('two of these in a rule: both must pass', async () => {
  const second: Entry = [compound, { anyOf: [{ two: {} }] }];
  expect((await send(['X-One: ann', 'X-Two: bob'], { anyOf: [{ one: {} }] }, second)).identity).toMatchObject(
    {
      ...{ user: 'ann', schemes: ['one', 'two'] },
    },
  );
  expect((await send(['X-One: ann'], { anyOf: [{ one: {} }] }, second)).status).toBe(401);
});

test('members are resolved and closed as their own', () => {
  const { steps } = bindPolicies([compound, BOTH]);
  events.length = 0;
  steps[0]!.policy.close!();
  expect(events).toEqual(['close one', 'close two']);
});

test.each([
  [{ anyOf: [] }, 'must not be empty'],
  [{ anyOf: [{ three: {} }] }, 'three'],
  [{ anyOf: [{ one: {}, two: {} }] }, 'exactly one of'],
  [{ anyOf: [{ one: { optional: true } }] }, 'optional'],
])('%j can not be', (config, message) => {
  expect(() => bindPolicies([compound, config])).toThrow(message);
});
