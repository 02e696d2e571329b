import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { bindPolicies, bindPoliciesWith, type Entry, exchange, testConsumer } from '../policies/testing.ts';
import { ConsumerDirectory } from '../state/consumers.ts';
import { ABSENT, defineAuthenticator, quoted, refused, unauthorized } from './authenticator.ts';
import { identityOf, identitySlot } from './identity.ts';
import { definePolicy } from './policy.ts';

/** Believes what the header `x-NAME` says; `bad` is refused, and `later` in front of it takes a turn. */
function believer(name: string) {
  return defineAuthenticator({
    name,
    summary: 'For tests.',
    reasons: ['password'],
    schema: Type.Object({ realm: Type.String() }, { additionalProperties: false }),
    bind: ({ realm }) => ({
      authenticate(x) {
        const said = x.request.header(`x-${name}`);
        if (said === null) return ABSENT;
        const user = said.replace('later-', '');
        const proof =
          user === 'bad'
            ? refused('That is bad.', `Test realm=${quoted(realm)}`, 'password')
            : ({
                kind: 'passed',
                identity: identityOf({
                  consumer: user,
                  consumerKey: `Consumer/test/${user}`,
                  schemes: [name],
                }),
              } as const);
        return user === said ? proof : Promise.resolve(proof);
      },
      missing: () => unauthorized('Say who you are.', `Test realm=${quoted(realm)}`),
      strip: (x) => x.request.removeHeader(`x-${name}`),
    }),
  });
}

const [one, two] = [believer('one'), believer('two')];

/** Tells the backend who was believed. */
const tell = definePolicy({
  name: 'tell',
  phase: 'rewrite',
  summary: 'For tests.',
  schema: Type.Object({}, { additionalProperties: false }),
  bind: () => ({
    onRequest: (x) => x.request.setHeader('told', JSON.stringify(x.get(identitySlot) ?? null)),
  }),
});

async function send(lines: readonly string[], ...entries: readonly Entry[]) {
  const outcome = await exchange(bindPolicies(...entries, [tell, {}]), { lines });
  const told = outcome.forwarded?.find((line) => line.startsWith('told: '))?.slice('told: '.length);
  return { ...outcome, identity: told === undefined ? undefined : JSON.parse(told) };
}

describe.each(['', 'later-'])('an answer that comes %s', (when) => {
  test('passes with its identity, and the credential is gone', async () => {
    const { identity, forwarded } = await send([`X-One: ${when}ann`], [one, { realm: 'r' }]);
    expect(identity).toMatchObject({ consumer: 'ann', schemes: ['one'] });
    expect(forwarded?.join()).not.toContain('x-one');
  });

  test.each([false, true])('a bad credential is refused, optional: %s', async (optional) => {
    const outcome = await send([`X-One: ${when}bad`], [one, { realm: 'a "b" \\', optional }]);
    expect([outcome.status, outcome.forwarded]).toEqual([401, null]);
    expect(outcome.header('www-authenticate')).toBe('Test realm="a \\"b\\" \\\\"');
  });

  test('two of them: both must pass, and nobody is two consumers', async () => {
    const both = [
      [one, { realm: 'r' }],
      [two, { realm: 'r' }],
    ] as const;
    expect((await send([`X-One: ${when}ann`, 'X-Two: ann'], ...both)).identity.schemes).toEqual([
      'one',
      'two',
    ]);
    expect((await send([`X-One: ${when}ann`], ...both)).status).toBe(401);
    const outcome = await send([`X-One: ${when}ann`, 'X-Two: bob'], ...both);
    expect([outcome.status, outcome.body]).toEqual([401, expect.stringContaining('different consumers')]);
  });
});

test('without a credential: 401, or nobody where it is optional', async () => {
  const outcome = await send([], [one, { realm: 'r' }]);
  expect([outcome.status, outcome.body]).toEqual([401, expect.stringContaining('Say who you are.')]);
  const { identity } = await send([], [one, { realm: 'r', optional: true }]);
  expect(identity).toMatchObject({ user: null, schemes: [] });
  const two_ = await send(['X-One: ann'], [one, { realm: 'r' }], [two, { realm: 'r', optional: true }]);
  expect(two_.identity).toMatchObject({ consumer: 'ann', schemes: ['one'] });
});

test('a token without a Consumer is of the one whose claim it has, as soon as there is one', async () => {
  const identity = identityOf({ claims: { iss: 'acme' }, groups: ['own'], schemes: ['token'] });
  const token = defineAuthenticator({
    name: 'token',
    summary: 'For tests.',
    reasons: [],
    schema: Type.Object({}, { additionalProperties: false }),
    bind: () => ({
      authenticate: () => ({ kind: 'passed', identity }),
      missing: () => unauthorized('never', 'Test'),
    }),
  });
  const consumers = new ConsumerDirectory(() => undefined);
  const rule = bindPoliciesWith({ consumers }, [token, {}], [tell, {}]);
  const told = async () => {
    const line = (await exchange(rule)).forwarded!.find((one) => one.startsWith('told: '))!;
    return JSON.parse(line.slice('told: '.length)) as { consumer: string | null; groups: readonly string[] };
  };
  expect(await told()).toMatchObject({ consumer: null, groups: ['own'] });
  const acme = (groups: readonly string[]) =>
    testConsumer('acme', { groups, claims: [{ claim: 'iss', equals: 'acme' }] });
  consumers.apply([acme(['g'])], []);
  expect(await told()).toMatchObject({ consumer: 'acme', groups: ['g', 'own'], claims: { iss: 'acme' } });
  consumers.apply([acme(['h'])], []);
  expect(await told()).toMatchObject({ consumer: 'acme', groups: ['h', 'own'] });
  consumers.apply([], ['Consumer/test/acme']);
  expect(await told()).toMatchObject({ consumer: null, groups: ['own'] });
});
