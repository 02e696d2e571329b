import { type Static, Type } from 'typebox';
import { parseQuantity } from '../../lib/quantity.ts';
import {
  choice,
  cidr,
  duration,
  exactlyOneOf,
  fields,
  label,
  list,
  listByName,
  marker,
  objectName,
  quantity,
  refined,
  text,
  token,
} from '../../lib/schema.ts';
import { type PolicyDescriptions, policyList } from '../gateway-route/schema.ts';
import { API_VERSION } from '../metadata.ts';
import { redisSchema } from './redis.ts';

const count = (description: string, fallback: number, minimum = 0, maximum = 10_000_000) =>
  Type.Integer({ description, default: fallback, minimum, maximum });

const address = (fallback: string) =>
  text('IP address to listen on; `::` takes IPv6 and IPv4.', {
    default: fallback,
    minLength: 2,
    maxLength: 64,
    'x-check': 'address',
  });

const tls = fields(
  {
    certificateRefs: list(
      fields(
        {
          name: objectName(
            'Name of a Secret with `tls.crt` and `tls.key`, such as one of type kubernetes.io/tls.',
          ),
          namespace: Type.Optional(objectName('Its namespace; none: `policyNamespace`.')),
        },
        'One certificate, with its chain and key.',
      ),
      'Certificates. A client gets the one that has the name it asks for (SNI) among its subject alternative names, else the first.',
      { minItems: 1, maxItems: 1024 },
    ),
    minVersion: choice(['1.2', '1.3'], 'Lowest version of TLS that clients may speak.', { default: '1.2' }),
  },
  'Clients speak HTTPS.',
);

const listener = fields(
  {
    name: label('Routes refer to it by this name.'),
    address: address('0.0.0.0'),
    port: Type.Integer({ description: 'TCP port; 0 takes a free one.', minimum: 0, maximum: 65535 }),
    tls: Type.Optional(tls),
  },
  'Where clients connect.',
);

const timeouts = fields(
  {
    head: duration(
      'From the first byte of a request (or from the connection) to the end of its head.',
      '10s',
    ),
    idle: duration('A client connection without a request is closed after so long.', '75s'),
    request: duration('Default of `timeouts.request` of a rule; `0s`: none.', '0s'),
    backend: duration('Default of `timeouts.backend` of a rule; `0s`: none.', '30s'),
    bodyIdle: duration('Default of `timeouts.idle` of a rule; `0s`: none.', '60s'),
    connect: duration('To open a connection to an endpoint.', '3s'),
    upstreamIdle: duration('An idle connection to an endpoint is closed after so long.', '60s'),
    tunnelIdle: duration('A tunnel (WebSocket) without a byte is closed after so long.', '1h'),
    drain: duration('How long a shutdown waits for running requests.', '25s'),
  },
  'Time-outs, and defaults for those of rules.',
);

const limits = fields(
  {
    headBytes: quantity('Largest head of a request (request line and headers).', '32Ki'),
    headers: count('Most header lines of a request.', 100, 1, 10_000),
    targetBytes: quantity('Longest request target (path and query).', '8Ki'),
    trailerBytes: quantity('Largest trailer of a chunked body.', '8Ki'),
    chunkExtensionBytes: quantity('Most bytes of chunk extensions in one body.', '4Ki'),
    bodyBytes: quantity(
      'Largest request body where a rule does not say; 0: no limit (bodies are streamed, never held).',
      '0',
    ),
    heldBodyBytes: quantity(
      'Bytes of bodies that one thread may hold for policies that want them whole; more: 503.',
      '128Mi',
    ),
    pipelined: count('Requests that may wait in one connection before it is no longer read.', 16, 1, 1000),
    requestsPerConnection: count('Requests after which a connection is closed; 0: no limit.', 0),
    connections: count('Client connections of one thread.', 20_000, 1),
  },
  'Limits of what clients may send.',
);

const pool = fields(
  {
    connectionsPerEndpoint: count('Connections from one thread to one endpoint.', 1024, 1),
    pendingPerEndpoint: count('Requests that may wait for such a connection; more: 503.', 1024),
    idlePerEndpoint: count('Idle connections that are kept for the next request.', 256),
  },
  'Connections to endpoints.',
);

const accessLog = Type.Object(
  {
    disabled: Type.Optional(marker('`{}`: no access log.')),
    json: Type.Optional(marker('`{}`: one JSON object a line.')),
    template: Type.Optional(text('One line by this template.', { minLength: 1, maxLength: 4096 })),
  },
  {
    description: 'The access log: exactly one of disabled, json, template.',
    additionalProperties: false,
    default: { json: {} },
    'x-exactly-one-of': ['disabled', 'json', 'template'],
  },
);

const rateLimits = fields(
  {
    memory: quantity(
      'For the buckets of rate limits; one takes 32 bytes. Give it room for twice the keys.',
      '16Mi',
    ),
    concurrentKeys: count('Keys of concurrency limits that may have requests under way at once.', 16_384, 16),
    replicas: Type.Optional(
      exactlyOneOf(
        ['count', 'dns'],
        {
          count: Type.Optional(
            Type.Integer({ description: 'This many, always.', minimum: 1, maximum: 10_000 }),
          ),
          dns: Type.Optional(
            objectName(
              'As many as this name has addresses: that of a headless Service. Asked every five seconds.',
            ),
          ),
        },
        'How many replicas of the gateway share the limits of scope `replicas`: exactly one of count, dns.',
      ),
    ),
  },
  'Room for what is counted over all threads. It is taken from the system as it is used.',
);

const services = fields(
  {
    by: choice(['endpoints', 'name'], 'How a Service is reached where a backend does not say.', {
      default: 'endpoints',
    }),
    clusterDomain: text('Domain of the cluster, the end of the names of Services.', {
      default: 'cluster.local',
      pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
      maxLength: 253,
      'x-hint': 'a domain without a dot at its end',
    }),
  },
  'Services as backends.',
);

const cache = fields(
  {
    memory: refined(
      quantity('For the answers that the policy `cache` keeps, over all threads.', '64Mi'),
      (written) => (parseQuantity(written) < 1024 * 1024 ? `${written} is less than 1Mi` : null),
    ),
  },
  'Room for kept answers. It is taken from the system as it is used.',
);

const namespace = (description: string) =>
  Type.String({
    description,
    pattern: '^([*]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$',
    'x-hint': 'a namespace, or * for every one',
    minLength: 1,
    maxLength: 63,
  });

const namespacePair = fields(
  {
    from: namespace('Namespace of the route; `*`: every one.'),
    to: namespace('Namespace of the Service; `*`: every one.'),
  },
  'Routes of one namespace may name Services of another.',
);

/** The program's own configuration, `portreeve.yaml`, over a catalogue of policies. */
export function gatewayConfigSchema(policies: PolicyDescriptions) {
  return Type.Object(
    {
      apiVersion: choice([API_VERSION], 'Version of the schema.', { default: API_VERSION }),
      kind: choice(['GatewayConfig'], 'Kind of the document.', { default: 'GatewayConfig' }),
      listeners: {
        ...listByName(listener, 'Where clients connect.', { maxItems: 64 }),
        default: [{ name: 'http', port: 8080 }],
      },
      admin: {
        ...fields(
          {
            address: address('127.0.0.1'),
            port: Type.Integer({
              description: 'TCP port; 0 takes a free one.',
              default: 9901,
              minimum: 0,
              maximum: 65535,
            }),
          },
          'Health, metrics and the served configuration. Keep it away from clients.',
        ),
        default: {},
      },
      threads: Type.Optional(
        Type.Integer({
          description: 'Data-plane threads; none: one per available core.',
          minimum: 1,
          maximum: 256,
        }),
      ),
      trustedProxies: list(
        cidr('A CIDR block or an address.'),
        'Peers whose X-Forwarded-*, Forwarded and X-Request-ID are believed.',
        { maxItems: 1024, default: [] },
      ),
      timeouts: { ...timeouts, default: {} },
      limits: { ...limits, default: {} },
      pool: { ...pool, default: {} },
      rateLimits: { ...rateLimits, default: {} },
      cache: { ...cache, default: {} },
      redis: {
        ...listByName(redisSchema, 'Where rate limits of scope `cluster` count: Redis 6.2 or later.', {
          maxItems: 16,
        }),
        default: [],
      },
      serverHeader: text("Server header of every answer; empty: none, and the backend's is removed.", {
        default: '',
        maxLength: 256,
        pattern: '^[\\x20-\\x7e]*$',
      }),
      via: text('Our name in Via; empty: no Via.', {
        default: 'portreeve',
        maxLength: 256,
        pattern: "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]*$",
      }),
      refusedMethods: list(token('A method.'), 'Methods that are answered with 405 before routing.', {
        maxItems: 64,
        default: ['CONNECT', 'TRACE'],
      }),
      accessLog,
      timestampHeader: Type.Boolean({
        description: 'Add X-Gateway-Timestamp (Unix seconds) to requests.',
        default: false,
      }),
      responseTimeHeader: Type.Boolean({
        description: 'Add X-Gateway-Response-Time (ms) to answers.',
        default: false,
      }),
      policies: {
        ...policyList(policies, 'Policies of every route; a route or rule overrides by kind.'),
        default: [],
      },
      policyNamespace: Type.Optional(
        objectName(
          "Namespace of the Secrets, ConfigMaps, RateLimitPolicies and Consumers that `policies` refer to, and of those of `certificateRefs` that name none; by default the gateway's own in a cluster, `default` for a folder.",
        ),
      ),
      allowCrossNamespace: list(
        namespacePair,
        'Which namespaces may name Services of which others; none: only their own. A folder of files may always.',
        { maxItems: 1024, default: [] },
      ),
      services: { ...services, default: {} },
      allowExternalNames: Type.Boolean({
        description:
          'Whether Services of type ExternalName may be backends: whoever may write a Service then chooses where requests go.',
        default: false,
      }),
      allowUrlBackends: Type.Boolean({
        description:
          'Whether routes may name backends by URL or address instead of a Service; always so for a folder of files.',
        default: false,
      }),
    },
    { additionalProperties: false, description: 'Configuration of the gateway itself.' },
  );
}

export type GatewayConfig = Static<ReturnType<typeof gatewayConfigSchema>>;
