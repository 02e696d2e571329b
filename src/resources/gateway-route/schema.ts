import { type Static, type TSchema, Type } from 'typebox';
import { choice, exactlyOneOf, fields, label, list, quantity } from '../../lib/schema.ts';
import { API_VERSION, objectMeta } from '../metadata.ts';
import { routeStatus } from '../status.ts';
import { hedge, redirect, respond, retry, rewrite, timeouts } from './action.ts';
import { backend, mirror } from './backend.ts';
import { routeMatch } from './match.ts';

/** What the schema needs to know of a kind of policy: a `PolicySpec` fits. */
export interface PolicyDescription {
  readonly name: string;
  readonly summary: string;
  readonly schema: TSchema;
}
export type PolicyDescriptions = ReadonlyMap<string, PolicyDescription>;

/** One entry of a `policies:` list: the policy's name, with its configuration, and beside it perhaps `shadow`. */
export type PolicyEntry = Readonly<Record<string, unknown>>;

/** An entry taken apart. */
export interface ReadEntry {
  readonly name: string;
  readonly config: unknown;
  readonly shadow: boolean;
}

const SHADOW = 'shadow';

export function readPolicyEntry(entry: PolicyEntry): ReadEntry {
  const name = Object.keys(entry).find((key) => key !== SHADOW) ?? '';
  return { name, config: entry[name], shadow: entry[SHADOW] === true };
}

/** The `policies:` list over a catalogue; the configuration of each policy is checked by its own schema. */
export function policyList(policies: PolicyDescriptions, description: string) {
  const properties: Record<string, TSchema> = {};
  for (const { name, summary, schema } of policies.values()) {
    const described = 'description' in schema ? schema : { ...schema, description: summary };
    properties[name] = Type.Optional(described);
  }
  const names = Object.keys(properties);
  properties[SHADOW] = Type.Optional(
    Type.Boolean({
      description: 'Run the policy, log and count what it would have done, but do none of it.',
    }),
  );
  return list(
    Type.Unsafe<PolicyEntry>({
      type: 'object',
      properties,
      additionalProperties: false,
      description: 'One policy: its name, with its configuration.',
      'x-exactly-one-of': names,
    }),
    description,
    { maxItems: 32 },
  );
}

function ruleSchema(policies: PolicyDescriptions) {
  return exactlyOneOf(
    ['backends', 'redirect', 'respond'],
    {
      name: Type.Optional(label('Name of the rule in status, logs and metrics; none: its index.')),
      matches: Type.Optional(list(routeMatch, 'Any of these; none: every request.', { maxItems: 32 })),
      backends: Type.Optional(list(backend, 'Where requests go, by weight.', { minItems: 1, maxItems: 16 })),
      redirect: Type.Optional(redirect),
      respond: Type.Optional(respond),
      timeouts: Type.Optional(timeouts),
      retry: Type.Optional(retry),
      hedge: Type.Optional(hedge),
      rewrite: Type.Optional(rewrite),
      mirror: Type.Optional(list(mirror, 'Backends that get copies of requests.', { maxItems: 4 })),
      balancing: choice(
        ['roundRobin', 'random', 'leastRequest'],
        'How an endpoint of the chosen backend is picked; leastRequest: the less busy of two at random.',
        { default: 'roundRobin' },
      ),
      maxBodyBytes: Type.Optional(
        quantity("Largest request body (`10Mi`); larger: 413. Default: the gateway's limit."),
      ),
      policies: Type.Optional(
        policyList(policies, "Policies of this rule; one takes the place of the route's of the same kind."),
      ),
    },
    'What happens to the requests that match: exactly one of backends, redirect, respond.',
  );
}

/** GatewayRoute over a catalogue of policies. */
export function gatewayRouteSchema(policies: PolicyDescriptions) {
  return Type.Object(
    {
      apiVersion: choice([API_VERSION], 'Version of the schema.'),
      kind: choice(['GatewayRoute'], 'Kind of the resource.'),
      metadata: objectMeta,
      spec: fields(
        {
          hosts: Type.Optional(
            list(
              Type.String({
                description: 'A host name without a port; `*.example.com` takes sub-domains of any depth.',
                pattern:
                  '^(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$',
                'x-hint':
                  'a host name like api.example.com or *.example.com, without scheme, port or path; for every host leave hosts out',
                minLength: 1,
                maxLength: 253,
              }),
              'Hosts that the route is for; none: every host.',
              { maxItems: 32 },
            ),
          ),
          listeners: Type.Optional(
            list(label('Name of a listener.'), 'Listeners that the route is for; none: every listener.', {
              maxItems: 16,
            }),
          ),
          policies: Type.Optional(
            policyList(policies, 'Policies of all rules; a rule adds its own, or overrides by kind.'),
          ),
          rules: list(ruleSchema(policies), 'What happens to which requests. The most specific match wins.', {
            minItems: 1,
            maxItems: 64,
            'x-unique-by': 'name',
          }),
        },
        'What the route does.',
      ),
      status: Type.Optional(routeStatus),
    },
    {
      additionalProperties: false,
      description: 'Routes requests to backends, by host, path and other properties of the request.',
    },
  );
}

export type GatewayRoute = Static<ReturnType<typeof gatewayRouteSchema>>;
export type RouteRule = GatewayRoute['spec']['rules'][number];
export type RouteRuleMatch = NonNullable<RouteRule['matches']>[number];
export type RouteBackend = NonNullable<RouteRule['backends']>[number];
export type RouteMirror = NonNullable<RouteRule['mirror']>[number];
