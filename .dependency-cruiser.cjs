/**
 * Imports go one way, type-only ones included. Each folder of `src/` lists what it may import from the other
 * folders, and why not more. Tests may reach further: they put parts together.
 */

/** Tests, and what stands beside them to help them. */
const TEST = '\\.test\\.ts$|/testing|/stub-';

/**
 * Paths under `src/` that a folder may import besides its own files.
 * @type {Record<string, { may: string[], why: string }>}
 */
const LAYERS = {
  lib: {
    may: [],
    why: 'Small pure helpers stand below everything, so that anything may use them without a cycle.',
  },
  ir: {
    may: ['lib/'],
    why: 'The IR is the seam between the control thread and the data plane: plain data that knows neither side.',
  },
  observe: {
    may: ['lib/'],
    why: 'Metrics and logs are written from every layer, so they may depend on none.',
  },
  resources: {
    may: ['lib/'],
    why: 'A schema is the truth about a resource; it must not bend to what the gateway does with it.',
  },
  pipeline: {
    may: ['ir/', 'lib/', 'observe/'],
    why: 'The contract between policies, compile and proxy must not depend on any of the three.',
  },
  state: {
    may: ['ir/', 'lib/', 'observe/'],
    why: 'Counters and buckets are used by policies and proxy; neither may shape them.',
  },
  outbound: {
    may: ['ir/', 'lib/', 'observe/'],
    why: 'Calls of our own to providers and webhooks, with their time limits: below the policies that make them.',
  },
  policies: {
    may: ['pipeline/', 'state/', 'outbound/', 'ir/', 'lib/'],
    why: 'A policy sees a request through the pipeline contract only, so it can be tested and replaced alone.',
  },
  compile: {
    may: ['pipeline/', 'state/', 'ir/', 'lib/'],
    why: 'The router turns IR into a table; which policies exist and who runs the table is handed to it.',
  },
  proxy: {
    may: [
      'pipeline/',
      'compile/(table|builder|consumer-plans)\\.ts$',
      'outbound/lookup\\.ts$',
      'state/',
      'ir/',
      'lib/',
      'observe/',
    ],
    why: 'The data plane has tables built and walks them by their type. It never sees a Kubernetes type or YAML; names of backends are looked up as those of other services are.',
  },
  sources: {
    may: ['resources/', 'lib/', 'observe/', 'ir/(origin|finding)\\.ts$'],
    why: 'A source says which objects there are and where they were written, never what they mean.',
  },
  translate: {
    may: ['resources/', 'pipeline/', 'ir/', 'lib/', 'sources/source\\.ts$'],
    why: 'Translation is a pure function of objects (whose type a source defines); it asks no source, knows no thread.',
  },
  control: {
    may: ['translate/', 'sources/[^/]+\\.ts$', 'ir/', 'lib/', 'observe/'],
    why: 'The loop drives any source through its interface (the files directly in sources/), never one kind of it.',
  },
  admin: {
    may: ['ir/', 'pipeline/', 'observe/', 'lib/'],
    why: 'The admin server shows what it is given, so that it can be tested without a gateway.',
  },
};

/** The entry of a thread puts its parts together, as `app` does for the program: it may hand it the policies. */
const THREAD_ENTRY = '^src/proxy/thread\\.ts$';

const layerRules = Object.entries(LAYERS).map(([folder, { may, why }]) => ({
  name: `layer-${folder}`,
  comment: why,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: [TEST, THREAD_ENTRY] },
  to: { path: '^src/', pathNot: [`^src/${folder}/`, ...may.map((path) => `^src/${path}`)] },
}));

/** Node's modules through which a program reaches the world outside, but for `net`, which also has `isIP`. */
const IO = '^(node:)?(fs|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster)(/|$)';

/** Takes only `STATUS_CODES` from node:http. */
const STATUS_TEXT = '^src/proxy/http1/encode\\.ts$';
/** Takes only `isIP` and its like from node:net. */
const ADDRESS_CHECK = '^src/proxy/http1/authority\\.ts$';

/** Takes only `createSecureContext` from node:tls, which reads certificates and opens nothing. */
const TLS_CONTEXT = '^src/lib/tls-context\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'no-cycles',
      comment:
        'Files that load one another run in an order that nobody chose. A type-only import closes no cycle.',
      severity: 'error',
      from: { path: '^(src|bench|examples|scripts)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'policies-stand-alone',
      comment:
        'Policies never import one another: what two share belongs in lib or state. Only the index knows all.',
      severity: 'error',
      from: { path: '^src/policies/([^/]+?)(/|\\.ts$)', pathNot: [TEST, '^src/policies/index\\.ts$'] },
      to: { path: '^src/policies/', pathNot: '^src/policies/$1(/|\\.ts$)' },
    },
    {
      name: 'pure-folders-do-no-io',
      comment:
        'What is pure can be property-tested, run on any thread and printed by `validate` without a network.',
      severity: 'error',
      from: { path: '^src/(lib|ir|pipeline|resources|translate|compile)/', pathNot: [TEST, TLS_CONTEXT] },
      to: { dependencyTypes: ['core'], path: IO },
    },
    {
      name: 'codec-without-sockets',
      comment:
        'The HTTP/1.1 codec is a state machine over buffers: no socket, timer or file, so it can be fuzzed.',
      severity: 'error',
      from: { path: '^src/proxy/http1/', pathNot: [TEST, STATUS_TEXT, ADDRESS_CHECK] },
      to: { dependencyTypes: ['core'], path: `${IO}|^(node:)?(net|stream|timers)(/|$)` },
    },
    {
      name: 'own-codec-on-the-data-plane',
      comment:
        "Traffic is parsed by the project's strict codec only (docs/adr/0001); two parsers disagree somewhere.",
      severity: 'error',
      from: { path: '^src/proxy/', pathNot: [TEST, STATUS_TEXT] },
      to: { path: '^(node:)?https?$|(^|/)node_modules/(undici|fastify)/' },
    },
    {
      name: 'only-kubernetes-source-talks-to-the-api',
      comment: 'One folder knows the API server, so that everything else runs the same without a cluster.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/sources/kubernetes/' },
      to: { path: '@kubernetes/client-node' },
    },
    {
      name: 'no-import-of-tests',
      comment: 'The program never depends on a test or on the tools around it.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: `${TEST}|^(test|bench|examples|scripts)/` },
    },
    {
      name: 'no-dev-dependency',
      comment: 'An install without development packages must run.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere fails only when its line runs.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API for dependency-cruiser to use; swc sees type-only imports too.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
    cache: false,
  },
};
