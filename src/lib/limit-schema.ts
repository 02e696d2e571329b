import { type Static, Type } from 'typebox';
import { takenAnswerHeaderName } from './header-schema.ts';
import {
  choice,
  exactlyOneOf,
  fields,
  label,
  list,
  marker,
  objectName,
  refined,
  text,
  token,
} from './schema.ts';

/** The shape of a limit, which RateLimitPolicy and the policies of a route share. */

const keyPart = exactlyOneOf(
  ['apiKey', 'user', 'consumer', 'clientAddress', 'header', 'query', 'cookie', 'claim', 'route', 'constant'],
  {
    apiKey: Type.Optional(marker('The API key that the request was authenticated with.')),
    user: Type.Optional(marker('The authenticated user (`sub`).')),
    consumer: Type.Optional(marker('The Consumer that the credentials belong to.')),
    clientAddress: Type.Optional(
      fields(
        {
          prefix4: Type.Integer({
            description: 'Bits of an IPv4 address that count.',
            default: 32,
            minimum: 0,
            maximum: 32,
          }),
          prefix6: Type.Integer({
            description: 'Bits of an IPv6 address that count.',
            default: 64,
            minimum: 0,
            maximum: 128,
          }),
        },
        'The address of the client.',
      ),
    ),
    header: Type.Optional(token('Value of the header of this name.')),
    query: Type.Optional(
      text('First value of the query parameter of this name.', { minLength: 1, maxLength: 256 }),
    ),
    cookie: Type.Optional(token('Value of the cookie of this name.')),
    claim: Type.Optional(
      text('Value of the claim of this name of the verified token.', { minLength: 1, maxLength: 256 }),
    ),
    route: Type.Optional(marker('The route that the request took.')),
    constant: Type.Optional(
      text('The same for every request: one bucket for all.', { minLength: 1, maxLength: 256 }),
    ),
  },
  'One part of the key: exactly one of apiKey, user, consumer, clientAddress, header, query, cookie, claim, route, constant.',
);

export type KeyPart = Static<typeof keyPart>;

/** A list of what makes up the key; every part must be there. */
export function keyParts(maxItems: number) {
  return list(
    keyPart,
    'Requests with the same key share a bucket; a request that lacks a part of it is not limited here.',
    { minItems: 1, maxItems },
  );
}

/** A status, or a class of them. */
const STATUS_PATTERN = '^([1-5][0-9]{2}|[1-5]xx)$';

const tokenBucket = fields(
  {
    capacity: Type.Integer({
      description: 'Tokens that a full bucket holds: the burst.',
      minimum: 1,
      maximum: 1_000_000_000,
    }),
    rate: Type.String({
      description: 'Tokens that come back: a number per s, m, h or d (`10/s`).',
      pattern: '^[0-9]{1,9}(\\.[0-9]{1,6})?/(s|m|h|d)$',
      'x-hint': 'write a rate like 10/s or 600/m',
      maxLength: 32,
    }),
  },
  'Tokens flow in at a rate; a request takes some.',
);

function window(unit: string) {
  return Type.Optional(
    Type.Integer({ description: `Requests per ${unit}.`, minimum: 1, maximum: 1_000_000_000 }),
  );
}

const windows = Type.Object(
  {
    second: window('second'),
    minute: window('minute'),
    hour: window('hour'),
    day: window('day'),
    month: window('month'),
  },
  {
    description: 'Windows that begin with each second, minute, … of UTC; every one that is given must hold.',
    additionalProperties: false,
    minProperties: 1,
  },
);

/** One limit. `maxParts` keeps the price of its rules in a CRD down where lists stand in lists. */
export function limitSchema(maxParts: number) {
  return refined(
    exactlyOneOf(
      ['tokenBucket', 'windows'],
      {
        name: label('Name of the limit, told to clients in `X-RateLimit-Limit-Type`.'),
        key: keyParts(maxParts),
        tokenBucket: Type.Optional(tokenBucket),
        windows: Type.Optional(windows),
        cost: Type.Integer({
          description: 'Tokens that one request takes.',
          default: 1,
          minimum: 1,
          maximum: 1_000_000,
        }),
        costHeader: Type.Optional(
          token('A request header with a whole number: a request takes as many tokens, if more than `cost`.'),
        ),
        costResponseHeader: Type.Optional(
          takenAnswerHeaderName(
            "A header of the backend's answer with a whole number: what it is more than was taken before is taken then, " +
              'even if it is not there, and missing to the next ones. Clients do not see the header.',
          ),
        ),
        statuses: Type.Optional(
          list(
            Type.String({
              description: 'A status, or a class of them: `401`, `4xx`.',
              pattern: STATUS_PATTERN,
              'x-hint': 'write a status like 401 or a class like 4xx',
              maxLength: 3,
            }),
            'Only requests whose answer has one of these statuses count, and when it has come; any request is refused while nothing is left. ' +
              'With `401`: how often somebody may guess.',
            { minItems: 1, maxItems: 16 },
          ),
        ),
        shadow: Type.Boolean({ description: 'Count and report, but refuse nothing.', default: false }),
      },
      'One limit: exactly one of tokenBucket, windows.',
    ),
    ({ tokenBucket, windows, cost, statuses, costResponseHeader }) => {
      if (statuses !== undefined && costResponseHeader !== undefined)
        return 'statuses says which answers count, costResponseHeader how much each: write one of them';
      if (tokenBucket !== undefined && perSecond(tokenBucket.rate) === 0)
        return 'the rate must be more than 0: nothing would ever come back';
      const least = Math.min(tokenBucket?.capacity ?? Infinity, ...Object.values(windows ?? {}));
      return cost > least ? `cost ${cost} is more than the limit of ${least}: no request could pass` : null;
    },
  );
}

export type Limit = Static<ReturnType<typeof limitSchema>>;

/** Where a limit stands that shall hold for those whom nobody knows yet. */
export const limitPlace = {
  before: Type.Optional(
    choice(
      ['authentication'],
      'authentication: it counts requests before it is known who sent them, refused ones, too. Its keys can name nothing that is known only then.',
    ),
  ),
};

/** Null, or the part of a key that is known only when the request is authenticated. */
export function identityPart(key: readonly KeyPart[]): string | null {
  return (
    (['apiKey', 'user', 'consumer', 'claim'] as const).find((name) =>
      key.some((part) => part[name] !== undefined),
    ) ?? null
  );
}

/** Where a policy's limits are counted. */
export const limitScope = {
  scope: choice(
    ['local', 'replicas', 'cluster'],
    'local: exact over the threads of one pod; replicas: each replica admits its share; cluster: exact over all replicas, ' +
      'through the store.',
    { default: 'local' },
  ),
  store: Type.Optional(
    fields(
      {
        redis: fields(
          { ref: objectName("Name of a Redis connection of the gateway's configuration.") },
          'A Redis server.',
        ),
        onFailure: choice(
          ['local', 'open', 'closed'],
          'When the store does not answer in time. local: count in this pod; open: admit; closed: refuse with 503.',
          { default: 'local' },
        ),
      },
      'Where scope `cluster` counts.',
    ),
  ),
};

/** What {@link limitScope} says, once validated. */
export interface LimitScope {
  readonly scope: 'local' | 'replicas' | 'cluster';
  readonly store?: {
    readonly redis: { readonly ref: string };
    readonly onFailure: 'local' | 'open' | 'closed';
  };
}

/** Null, or what is wrong: scope `cluster` and a store need one another. */
export function scopeProblem({ scope, store }: LimitScope): string | null {
  if (scope === 'cluster' && store === undefined)
    return 'scope cluster needs a store: where the replicas count';
  if (scope !== 'cluster' && store !== undefined) return 'a store is only used with scope: cluster';
  return null;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Tokens per second of a rate like `600/m`. */
export function perSecond(rate: string): number {
  const [amount, unit] = rate.split('/');
  return Number(amount) / SECONDS[unit!]!;
}
