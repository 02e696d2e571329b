import { DURATION_PATTERN } from '../../src/lib/schema.ts';
import type { DocumentedValue } from './values-comments.ts';

/** The parts of JSON Schema that are used here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

const flag: JsonSchema = { type: 'boolean' };
const text: JsonSchema = { type: 'string' };
const name: JsonSchema = { type: 'string', maxLength: 253, pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$' };
const texts: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
const names: JsonSchema = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
  uniqueItems: true,
};
const secretNames: JsonSchema = {
  type: 'array',
  items: { ...name, minLength: 1 },
  minItems: 1,
  uniqueItems: true,
};
const port: JsonSchema = { type: 'integer', minimum: 1, maximum: 65535 };
const ports: JsonSchema = { type: 'object', additionalProperties: port };
const time: JsonSchema = { type: 'string', pattern: '^([0-9]+(ms|s|m|h))*$' };
/** Handed on to Kubernetes, which checks it. */
const anyObject: JsonSchema = { type: 'object' };
const objects: JsonSchema = { type: 'array', items: anyObject };
const count = (minimum: number, maximum = 100_000): JsonSchema => ({ type: 'integer', minimum, maximum });
const choice = (...values: readonly string[]): JsonSchema => ({ enum: values });
const countOrPercent: JsonSchema = {
  anyOf: [count(0), { type: 'string', pattern: '^(100|[0-9]{1,2})%$' }],
};
const group = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties,
});

const image = group({
  repository: { type: 'string', minLength: 1 },
  tag: text,
  digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
  pullPolicy: choice('Always', 'IfNotPresent', 'Never'),
  pullSecrets: objects,
});

const service = group({
  type: choice('ClusterIP', 'NodePort', 'LoadBalancer'),
  ports,
  nodePorts: ports,
  externalTrafficPolicy: choice('Local', 'Cluster'),
  loadBalancerClass: text,
  loadBalancerSourceRanges: { type: 'array', items: text },
  ipFamilyPolicy: choice('', 'SingleStack', 'PreferDualStack', 'RequireDualStack'),
  annotations: texts,
  labels: texts,
});

const monitoring = {
  serviceMonitor: group({
    enabled: flag,
    interval: time,
    scrapeTimeout: time,
    labels: texts,
    relabelings: objects,
    metricRelabelings: objects,
  }),
  prometheusRule: group({
    enabled: flag,
    labels: texts,
    alertLabels: texts,
    disabled: { type: 'array', items: text },
    thresholds: group({
      errorRatio: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      latencyMs: { type: 'number', exclusiveMinimum: 0 },
    }),
  }),
  dashboard: group({ enabled: flag, labels: texts, annotations: texts }),
};

const pods = {
  resources: anyObject,
  strategy: anyObject,
  minReadySeconds: count(0),
  topologySpreadConstraints: objects,
  nodeSelector: texts,
  tolerations: objects,
  affinity: anyObject,
  priorityClassName: name,
  podLabels: texts,
  podAnnotations: texts,
  extraEnv: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
};

const STRUCTURE: Readonly<Record<string, JsonSchema>> = {
  nameOverride: name,
  fullnameOverride: name,
  image,
  shape: choice('combined', 'split'),
  controller: group({
    replicas: count(0),
    port,
    certificateLifetime: { type: 'string', pattern: DURATION_PATTERN },
    resources: anyObject,
  }),
  replicas: count(0),
  args: { type: 'array', items: text },
  logLevel: choice('trace', 'debug', 'info', 'warn', 'error'),
  watch: group({ namespaces: names, namespaceSelector: text }),
  secrets: group({
    named: { type: 'object', additionalProperties: secretNames },
    namespaces: names,
    allNamespaces: flag,
  }),
  webhook: group({
    enabled: flag,
    port,
    failurePolicy: choice('Ignore', 'Fail'),
    timeoutSeconds: count(1, 30),
    certificateLifetime: { type: 'string', pattern: DURATION_PATTERN },
  }),
  serviceAccount: group({ create: flag, name, annotations: texts }),
  rbac: group({ create: flag }),
  crds: group({ manage: flag, keep: flag }),
  service,
  adminService: group({ enabled: flag, annotations: texts }),
  drain: group({ preStopSeconds: count(0, 3600) }),
  terminationGracePeriodSeconds: { type: ['integer', 'null'], minimum: 1 },
  startupProbe: group({ limitSeconds: count(1) }),
  autoscaling: group({
    enabled: flag,
    minReplicas: count(1),
    maxReplicas: count(1),
    targetCPUUtilizationPercentage: count(1),
    metrics: objects,
    behavior: anyObject,
  }),
  podDisruptionBudget: group({ enabled: flag, maxUnavailable: countOrPercent }),
  ...pods,
  networkPolicy: group({ enabled: flag, clients: objects, admin: objects, egress: objects }),
  ...monitoring,
};

/**
 * The chart's values.schema.json: `config` is the schema of portreeve.yaml, descriptions are the comments of values.yaml.
 * @throws Error when values.yaml and the schema do not name the same values
 */
export function valuesSchema(values: readonly DocumentedValue[], config: object): JsonSchema {
  const properties = { ...STRUCTURE, config: forOperators(JSON.parse(JSON.stringify(config)) as JsonSchema) };
  const root: JsonSchema = {
    // What every Helm 3 reads.
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Portreeve chart',
    ...group({
      ...properties,
      global: { ...anyObject, description: 'Values of all charts of a parent chart.' },
    }),
  };
  const described = values.reduce((schema, value) => describe(schema, value, value.path), root);
  const silent = silentPaths(described).filter((path) => !path.startsWith('config.'));
  if (silent.length > 0) throw new Error(`values.yaml has no comment for ${silent.join(', ')}`);
  return described;
}

/**
 * The schema of the program fills in defaults before it asks what is required; here nothing is filled in. Keywords of our
 * own are left out.
 */
function forOperators(schema: JsonSchema): JsonSchema {
  const own = Object.entries(schema).filter(([keyword]) => !keyword.startsWith('x-'));
  const { properties, required, items, ...rest } = Object.fromEntries(own) as JsonSchema;
  const needed = (required ?? []).filter((field) => !('default' in (properties?.[field] ?? {})));
  const alternatives = (schema['x-exactly-one-of'] ?? []) as readonly string[];
  const below = Object.entries(properties ?? {}).map(
    ([field, value]) => [field, forOperators(value)] as const,
  );
  return {
    ...rest,
    ...(properties && { properties: Object.fromEntries(below) }),
    ...(needed.length > 0 && { required: needed }),
    ...(alternatives.length > 0 && { oneOf: alternatives.map((field) => ({ required: [field] })) }),
    ...(items && { items: forOperators(items) }),
  };
}

function describe(schema: JsonSchema, value: DocumentedValue, path: readonly string[]): JsonSchema {
  const [step, ...rest] = path;
  if (step === undefined) return { description: value.description, ...schema };
  const property = schema.properties?.[step];
  // Below a value that is handed on, such as strategy.
  if (property === undefined && schema.properties === undefined) return schema;
  if (property === undefined) throw new Error(`the schema has no ${value.path.join('.')}`);
  return { ...schema, properties: { ...schema.properties, [step]: describe(property, value, rest) } };
}

function silentPaths(schema: JsonSchema, path = ''): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, value]) => {
    const here = path === '' ? field : `${path}.${field}`;
    return [...(typeof value.description === 'string' ? [] : [here]), ...silentPaths(value, here)];
  });
}
