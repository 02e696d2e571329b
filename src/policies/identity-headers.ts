import type { Static } from 'typebox';
import { requestNameProblem } from '../lib/header-names.ts';
import { fields, list, refined, text } from '../lib/schema.ts';
import { ANONYMOUS, type Identity, identitySlot } from '../pipeline/identity.ts';
import { definePolicy } from '../pipeline/policy.ts';

const DEFAULTS = {
  user: 'X-User-ID',
  consumer: 'X-Consumer-Name',
  groups: 'X-Groups',
  roles: 'X-Roles',
} as const;

const TOKEN = "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]*$";

function nameProblem(name: string): string | null {
  const problem = requestNameProblem(name);
  if (problem !== null) return problem;
  return name.includes('_') ? 'write - in place of _: many applications take the two for one' : null;
}

const headerName = (what: string, fallback: string) =>
  refined(
    text(`Header with ${what}; empty: none.`, {
      default: fallback,
      maxLength: 256,
      pattern: TOKEN,
      'x-hint': 'a header name, or nothing',
    }),
    nameProblem,
  );

const claim = fields(
  {
    claim: text('Name of the claim of the verified token.', { minLength: 1, maxLength: 256 }),
    header: refined(
      text('Header with its value.', {
        minLength: 1,
        maxLength: 256,
        pattern: TOKEN,
        'x-hint': 'a header name',
      }),
      nameProblem,
    ),
  },
  'A claim in a header.',
);

const schema = fields(
  {
    user: headerName('the user', DEFAULTS.user),
    consumer: headerName('the name of the Consumer', DEFAULTS.consumer),
    groups: headerName('the groups, separated by commas', DEFAULTS.groups),
    roles: headerName('the roles, separated by commas', DEFAULTS.roles),
    permissions: headerName('the permissions, separated by commas', ''),
    claims: list(
      claim,
      'Claims of the verified token; those that are no text, number or truth value go as JSON.',
      {
        maxItems: 16,
        default: [],
      },
    ),
  },
  'Tells backends who sent the request. Headers of these names that clients send never get through.',
);

type Config = Static<typeof schema>;
type Line = readonly [name: string, value: string];

/**
 * What a header can't hold is percent-encoded (UTF-8), and so is the percent sign; within a list the comma, too. So two
 * identities never look the same.
 */
function encode(value: string, inList: boolean): string {
  const unsafe = inList ? /[^\x21-\x24\x26-\x2b\x2d-\x7e]/gu : /[^\x20-\x24\x26-\x7e]|^ | $/gu;
  return value
    .toWellFormed()
    .replaceAll(unsafe, (character) =>
      [...Buffer.from(character)]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    );
}

function claimText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Builds what one identity looks like to backends. */
function compileLines({ user, consumer, groups, roles, permissions, claims }: Config) {
  const single = (name: string, value: string | null): readonly Line[] =>
    name === '' || value === null || value === '' ? [] : [[name.toLowerCase(), encode(value, false)]];
  const several = (name: string, values: readonly string[]): readonly Line[] =>
    name === '' || values.length === 0
      ? []
      : [[name.toLowerCase(), values.map((value) => encode(value, true)).join(',')]];
  return (identity: Identity): readonly Line[] => [
    ...single(user, identity.user),
    ...single(consumer, identity.consumer),
    ...several(groups, identity.groups),
    ...several(roles, identity.roles),
    ...several(permissions, identity.permissions),
    ...claims.flatMap(({ claim, header }) => {
      const own = identity.claims !== null && Object.hasOwn(identity.claims, claim);
      return single(header, own ? claimText(identity.claims![claim]) : null);
    }),
  ];
}

const IMPLIED: Config = { ...DEFAULTS, permissions: '', claims: [] };

export const identityHeaders = definePolicy({
  name: 'identityHeaders',
  phase: 'authn',
  summary: 'Tells backends who sent the request; headers of the same names that clients send are removed.',
  implied: IMPLIED,
  schema,
  bind(config) {
    const named = [config.user, config.consumer, config.groups, config.roles, config.permissions];
    const claimed = config.claims.map(({ header }) => header);
    // The usual names go even where they are not used: a backend may still believe them.
    const all = [...Object.values(DEFAULTS), ...named, ...claimed].filter((name) => name !== '');
    const names = [...new Set(all.map((name) => name.toLowerCase()))];
    const linesOf = compileLines(config);
    /** An identity that comes again looks the same again. */
    const known = new WeakMap<Identity, readonly Line[]>([[ANONYMOUS, []]]);
    return {
      onRequest(x) {
        const { request } = x;
        request.removeHeaders(names);
        const identity = x.get(identitySlot) ?? ANONYMOUS;
        let lines = known.get(identity);
        if (lines === undefined) {
          lines = linesOf(identity);
          known.set(identity, lines);
        }
        for (const [name, value] of lines) request.addHeader(name, value);
      },
    };
  },
});
