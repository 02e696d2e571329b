import type { Values } from './support.ts';

/** Namespaces that must exist for {@link valueSets}. */
export const otherNamespaces = ['chart-shop', 'chart-bank'] as const;
const [shop, bank] = otherNamespaces;

const peer = { namespaceSelector: { matchLabels: { team: 'monitoring' } } };

/** Everything switched on, each value other than its default. */
const everything: Values = {
  nameOverride: 'gateway',
  image: { digest: `sha256:${'0'.repeat(64)}`, pullSecrets: [{ name: 'registry' }] },
  config: {
    listeners: [
      { name: 'http', address: '::', port: 8080 },
      { name: 'internal', port: 8081 },
      {
        name: 'https',
        port: 8443,
        tls: {
          certificateRefs: [{ name: 'shop-tls', namespace: shop }, { name: 'own-tls' }],
          minVersion: '1.3',
        },
      },
    ],
    admin: { address: '::', port: 9000 },
    timeouts: { drain: '1m30s', head: '5s' },
    limits: { headBytes: '64Ki', bodyBytes: 1048576 },
    accessLog: { template: '{method} {path}' },
    trustedProxies: ['10.0.0.0/8'],
  },
  watch: { namespaces: [shop, bank] },
  secrets: { named: { [shop]: ['jwt-key', 'basic-users'] }, namespaces: [bank] },
  webhook: { port: 9444, failurePolicy: 'Fail', timeoutSeconds: 10, certificateLifetime: '720h' },
  serviceAccount: { name: 'gatekeeper', annotations: { 'example.com/role': 'gateway' } },
  crds: { manage: true },
  service: {
    type: 'NodePort',
    ports: { http: 80, internal: 8000, https: 443 },
    nodePorts: { http: 30080 },
    ipFamilyPolicy: 'PreferDualStack',
    annotations: { 'example.com/load-balancer': 'fast' },
    labels: { tier: 'edge' },
  },
  adminService: { annotations: { 'example.com/scrape': 'yes' } },
  drain: { preStopSeconds: 20 },
  terminationGracePeriodSeconds: 300,
  autoscaling: {
    enabled: true,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ],
  },
  podDisruptionBudget: { maxUnavailable: '25%' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'edge', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 1,
          podAffinityTerm: {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: { a: 'b' } },
          },
        },
      ],
    },
  },
  priorityClassName: 'system-cluster-critical',
  podLabels: { tier: 'edge' },
  podAnnotations: { 'example.com/note': 'a: b' },
  extraEnv: [{ name: 'NO_COLOR', value: '1' }],
  extraVolumes: [{ name: 'scratch', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
  networkPolicy: {
    enabled: true,
    clients: [{ ipBlock: { cidr: '192.0.2.0/24' } }],
    admin: [peer],
    egress: [{ to: [peer] }],
  },
  serviceMonitor: {
    enabled: true,
    interval: '15s',
    scrapeTimeout: '10s',
    labels: { release: 'prometheus' },
    relabelings: [{ action: 'labeldrop', regex: 'node' }],
    metricRelabelings: [{ action: 'drop', regex: 'nodejs_.*', sourceLabels: ['__name__'] }],
  },
  prometheusRule: {
    enabled: true,
    labels: { release: 'prometheus' },
    alertLabels: { team: 'edge' },
    disabled: ['PortreeveHighLatency'],
    thresholds: { errorRatio: 0.01 },
  },
  dashboard: { enabled: true, annotations: { folder: 'Edge' } },
};

/** Values that operators may have; the API server must take what the chart makes of each. */
export const valueSets: Readonly<Record<string, Values>> = {
  'the defaults': {},
  'everything switched on': everything,
  'a load balancer with ranges, and selected namespaces': {
    watch: { namespaceSelector: 'gateway=public' },
    secrets: { allNamespaces: true },
    service: { loadBalancerClass: 'example.com/fast', loadBalancerSourceRanges: ['192.0.2.0/24'] },
    networkPolicy: { enabled: true },
    drain: { preStopSeconds: 0 },
  },
  'controllers apart, in named namespaces': {
    shape: 'split',
    controller: { replicas: 3, port: 9903, certificateLifetime: '720h' },
    config: { admin: { address: '::' } },
    watch: { namespaces: [shop] },
    webhook: { enabled: false },
    networkPolicy: { enabled: true },
    serviceMonitor: { enabled: true },
  },
  'as little as possible': {
    replicas: 1,
    rbac: { create: false },
    webhook: { enabled: false },
    serviceAccount: { create: false },
    adminService: { enabled: false },
    podDisruptionBudget: { enabled: false },
    service: { type: 'ClusterIP', ports: null },
    topologySpreadConstraints: [],
    resources: null,
  },
};

/** Values that must be refused, with a part of what helm says. */
export const refused: readonly (readonly [string, Values, RegExp])[] = [
  ['an unknown value', { replica: 3 }, /additional properties 'replica' not allowed/],
  ['an unknown value below another', { image: { name: 'x' } }, /additional properties 'name' not allowed/],
  ['a negative number of pods', { replicas: -1 }, /\/replicas': minimum/],
  [
    'an unknown setting of the program',
    { config: { timeout: {} } },
    /additional properties 'timeout' not allowed/,
  ],
  [
    'a duration that is none',
    { config: { timeouts: { drain: '25 s' } } },
    /drain': .*does not match pattern/,
  ],
  [
    'a size that is none',
    { config: { limits: { headBytes: '1 KB' } } },
    /headBytes': .*does not match pattern/,
  ],
  ['a listener without a port', { config: { listeners: [{ name: 'http' }] } }, /missing property 'port'/],
  ['a listener on any port', { config: { listeners: [{ name: 'http', port: 0 }] } }, /a port other than 0/],
  [
    'a listener whose name is too long for a port',
    { config: { listeners: [{ name: 'http-for-everybody', port: 80 }] }, service: { ports: null } },
    /"http-for-everybody" can't be the name of a port/,
  ],
  [
    'a listener on the admin port',
    { config: { listeners: [{ name: 'http', port: 9901 }] } },
    /"http" has the port of config.admin/,
  ],
  [
    'a listener on the port of the webhook',
    { config: { listeners: [{ name: 'http', port: 9443 }] } },
    /"http" has the port of webhook/,
  ],
  ['two access logs', { config: { accessLog: { json: {}, disabled: {} } } }, /accessLog': .*oneOf/],
  ['a port for no listener', { service: { ports: { https: 443 } } }, /no listener "https".*there is http/],
  ['a grace period that cuts requests off', { terminationGracePeriodSeconds: 30 }, /need at least 35/],
  [
    'names and a selector of namespaces',
    { watch: { namespaces: ['a'], namespaceSelector: 'b=c' } },
    /not both/,
  ],
  ['arguments for pods of two kinds', { shape: 'split', args: ['version'] }, /args: leave it empty/],
  ['a shape that there is not', { shape: 'apart' }, /\/shape': value must be one of/],
  [
    'some Secrets and all',
    { secrets: { namespaces: ['a'], allNamespaces: true } },
    /allNamespaces leaves nothing/,
  ],
  [
    'a ServiceMonitor of no Service',
    { serviceMonitor: { enabled: true }, adminService: { enabled: false } },
    /needs adminService.enabled/,
  ],
  [
    'an alert that there is not',
    { prometheusRule: { enabled: true, disabled: ['Nope'] } },
    /no alert "Nope"; there are PortreeveHighErrorRate/,
  ],
];
