import { type Static, Type } from 'typebox';
import {
  identityPart,
  type Limit,
  type LimitScope,
  limitPlace,
  limitSchema,
  limitScope,
  scopeProblem,
} from '../../lib/limit-schema.ts';
import { choice, exactlyOneOf, listByName, objectName, refined } from '../../lib/schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';

export const schema = refined(
  exactlyOneOf(
    ['ref', 'limits'],
    {
      ref: Type.Optional(
        objectName(
          'Name of a RateLimitPolicy of the same namespace; all routes that use it share its buckets.',
        ),
      ),
      limits: Type.Optional({
        ...listByName(
          limitSchema(4),
          'Limits of this route or rule alone. All of them must hold. Those by API key are told first, then by user, ' +
            'by address, then others.',
          { maxItems: 8 },
        ),
        minItems: 1,
      }),
      ...limitScope,
      ...limitPlace,
      headers: choice(
        ['none', 'standard'],
        'standard: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) on every answer.',
        { default: 'none' },
      ),
    },
    'Limits how many requests a client may send: a RateLimitPolicy by name, or limits of its own.',
  ),
  (config) => {
    if (config.ref !== undefined && (config.scope !== 'local' || config.store !== undefined))
      return 'scope and store stand in the RateLimitPolicy that ref names';
    return scopeProblem(config) ?? placeProblem(config);
  },
);

type Config = Static<typeof schema>;

interface Placed {
  readonly before?: 'authentication';
  readonly limits?: readonly Limit[];
}

/** Null, or which limit can't hold before it is known who sent a request. */
export function placeProblem({ before, limits = [] }: Placed): string | null {
  if (before === undefined) return null;
  for (const { name, key } of limits) {
    const part = identityPart(key);
    if (part !== null)
      return `before authentication nobody is known: limit ${name} can't have ${part} in its key`;
  }
  return null;
}

/** With the limits that it referred to. */
export interface RateLimitConfig extends LimitScope {
  /** Of its buckets. */
  readonly id: string;
  readonly limits: readonly Limit[];
  readonly headers: 'none' | 'standard';
  readonly before?: 'authentication';
}

/** `spec` of a RateLimitPolicy. */
interface LimitsSpec extends LimitScope {
  readonly limits: readonly Limit[];
}

export function resolve(config: Config, context: ResolveContext): RateLimitConfig {
  const { ref, before } = config;
  const said = { headers: config.headers, ...(before !== undefined && { before }) };
  const { namespace } = context;
  if (ref === undefined) {
    const { scope, store, limits = [] } = config;
    return { id: context.id, scope, ...(store === undefined ? {} : { store }), limits, ...said };
  }
  const spec = context.referred('RateLimitPolicy', ref, 'ref') as LimitsSpec | null;
  if (spec === null) return { id: context.id, scope: 'local', limits: [], ...said };
  // A shadow must not use up what those share who are limited in earnest.
  const id = `${context.shadow ? 'shadow ' : ''}${namespace}/${ref}`;
  return { ...spec, id, ...said };
}
