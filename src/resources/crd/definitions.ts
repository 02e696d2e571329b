import type { TSchema } from 'typebox';
import { consumerSchema } from '../consumer.ts';
import { gatewayRouteSchema, type PolicyDescriptions } from '../gateway-route/schema.ts';
import { API_GROUP } from '../metadata.ts';
import { rateLimitPolicySchema } from '../rate-limit-policy.ts';
import { describeOnce } from './compact.ts';
import { type StructuralSchema, toStructural } from './structural.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
}

interface Names {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
}

const conditionColumn = (type: string, description: string): PrinterColumn => ({
  name: type,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  description,
});
const programmed = conditionColumn('Programmed', 'Whether every data-plane thread serves it.');
const accepted = conditionColumn('Accepted', 'Whether it is valid.');
const reason: PrinterColumn = {
  name: 'Message',
  type: 'string',
  jsonPath: '.status.conditions[?(@.status=="False")].message',
  description: 'What is wrong, and what to do.',
  priority: 1,
};
const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'When it was created.',
};

/** The CustomResourceDefinitions over a catalogue of policies, by file name. */
export function customResourceDefinitions(
  policies: PolicyDescriptions,
): ReadonlyMap<string, CustomResourceDefinition> {
  const definitions = [
    definition(
      { kind: 'GatewayRoute', plural: 'gatewayroutes', shortNames: ['gr'] },
      gatewayRouteSchema(policies),
      [
        column('Hosts', '.spec.hosts', 'Hosts that it is for; none: every host.'),
        accepted,
        programmed,
        reason,
        age,
      ],
    ),
    definition(
      { kind: 'RateLimitPolicy', plural: 'ratelimitpolicies', shortNames: ['rlp'] },
      rateLimitPolicySchema,
      [column('Scope', '.spec.scope', 'Over which replicas it counts.'), accepted, programmed, reason, age],
    ),
    definition({ kind: 'Consumer', plural: 'consumers', shortNames: ['gwc'] }, consumerSchema(policies), [
      column('Groups', '.spec.groups', 'Groups it belongs to.'),
      column('Limit', '.spec.rateLimit.ref', 'Its own RateLimitPolicy.'),
      accepted,
      programmed,
      reason,
      age,
    ]),
  ];
  return new Map(definitions.map((crd) => [`${crd.metadata.name}.yaml`, crd]));
}

export type CustomResourceDefinition = ReturnType<typeof definition>;

function column(name: string, jsonPath: string, description: string): PrinterColumn {
  return { name, type: 'string', jsonPath, description };
}

function definition(names: Names, schema: TSchema, additionalPrinterColumns: readonly PrinterColumn[]) {
  const { kind, plural, shortNames } = names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}`, labels: { 'app.kubernetes.io/name': 'portreeve' } },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames,
        categories: ['portreeve'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns,
          schema: { openAPIV3Schema: rootSchema(schema, kind.toLowerCase()) },
        },
      ],
    },
  };
}

/** apiVersion, kind and metadata are the API server's own. */
function rootSchema(schema: TSchema, explain: string): StructuralSchema {
  const root = toStructural(schema);
  describeOnce(root, explain);
  const text = (description: string) => ({ type: 'string', description });
  root.properties = {
    ...root.properties,
    apiVersion: text('Version of the schema of this object.'),
    kind: text('Kind of the resource.'),
    metadata: { type: 'object' },
  };
  root.required = ['spec'];
  return root;
}
