/** The chart's Grafana dashboard, as data: what is shown; the layout follows from the order. */

interface Query {
  readonly expr: string;
  /** Legend, with `{{label}}`. */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly description: string;
  /** Grafana's name: `reqps`, `ms`, `percentunit`, `bytes`, `Bps`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly stacked?: true;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const PODS = 'namespace=~"$namespace"';
const SERVICES = `${PODS}, service=~"$service"`;
const rate = (metric: string, selector: string): string => `rate(${metric}{${selector}}[$__rate_interval])`;
const quantile = (share: number): string =>
  `histogram_quantile(${share}, sum by (le) (${rate('gateway_request_duration_ms_bucket', SERVICES)}))`;

const TRAFFIC: Row = {
  title: 'Traffic',
  panels: [
    {
      title: 'Requests by service',
      description: 'Requests answered per second. "none": answered without a backend.',
      unit: 'reqps',
      queries: [
        { expr: `sum by (service) (${rate('gateway_requests_total', SERVICES)})`, legend: '{{service}}' },
      ],
    },
    {
      title: 'Answers by status',
      description: 'Answers per second by status; 499: the client left before an answer began.',
      unit: 'reqps',
      stacked: true,
      queries: [
        { expr: `sum by (status) (${rate('gateway_requests_total', SERVICES)})`, legend: '{{status}}' },
      ],
    },
    {
      title: 'Error ratio by service',
      description: 'Share of answers with status 5xx.',
      unit: 'percentunit',
      queries: [
        {
          expr: `sum by (service) (${rate('gateway_requests_total', `${SERVICES}, status=~"5.."`)}) / sum by (service) (${rate('gateway_requests_total', SERVICES)})`,
          legend: '{{service}}',
        },
      ],
    },
    {
      title: 'Latency',
      description: "From a request's head to the last byte of its answer.",
      unit: 'ms',
      queries: [
        { expr: quantile(0.5), legend: 'p50' },
        { expr: quantile(0.9), legend: 'p90' },
        { expr: quantile(0.99), legend: 'p99' },
      ],
    },
    {
      title: 'Latency by route, p99',
      description: 'The ten slowest routes, by the pattern that they were written with.',
      unit: 'ms',
      queries: [
        {
          expr: `topk(10, histogram_quantile(0.99, sum by (path, le) (${rate('gateway_request_duration_ms_bucket', SERVICES)})))`,
          legend: '{{path}}',
        },
      ],
    },
    {
      title: 'Running now',
      description: 'Requests and upgraded connections (such as WebSocket) that are being served.',
      unit: 'short',
      queries: [
        { expr: `sum(gateway_requests_in_flight{${PODS}})`, legend: 'requests' },
        { expr: `sum(gateway_tunnels_open{${PODS}})`, legend: 'tunnels' },
      ],
    },
    {
      title: 'Refused by rate limits',
      description: 'Requests per second that a limit refused.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (limiter_type) (${rate('gateway_rate_limit_hits_total', PODS)})`,
          legend: '{{limiter_type}}',
        },
      ],
    },
    {
      title: 'Cache hit ratio',
      description: 'Share of the cacheable requests that the response cache answered.',
      unit: 'percentunit',
      queries: [
        {
          expr: `sum(${rate('gateway_cache_hits_total', PODS)}) / (sum(${rate('gateway_cache_hits_total', PODS)}) + sum(${rate('gateway_cache_misses_total', PODS)}))`,
          legend: 'hits',
        },
      ],
    },
    {
      title: 'Client connections',
      description: 'Open connections by listener.',
      unit: 'short',
      queries: [{ expr: `sum by (listener) (gateway_connections_open{${PODS}})`, legend: '{{listener}}' }],
    },
    {
      title: 'Bytes of clients',
      description: 'Heads and framing included.',
      unit: 'Bps',
      queries: [
        { expr: `sum(${rate('gateway_received_bytes_total', PODS)})`, legend: 'received' },
        { expr: `sum(${rate('gateway_sent_bytes_total', PODS)})`, legend: 'sent' },
      ],
    },
  ],
};

const BACKENDS: Row = {
  title: 'Backends',
  panels: [
    {
      title: 'Failures by code',
      description:
        'Requests per second that failed. Origin "upstream" is the backend, "gateway" is Portreeve.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (code, origin) (${rate('gateway_errors_total', PODS)})`,
          legend: '{{origin}}: {{code}}',
        },
      ],
    },
    {
      title: 'Answers of backends',
      description: 'Of every try, before retries and fallbacks.',
      unit: 'reqps',
      stacked: true,
      queries: [
        {
          expr: `sum by (status) (${rate('gateway_upstream_status_total', SERVICES)})`,
          legend: '{{status}}',
        },
      ],
    },
    {
      title: 'Retries and connect failures',
      description: 'Requests sent once more, and connections that were refused or timed out.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (service) (${rate('gateway_upstream_retries_total', SERVICES)})`,
          legend: 'retries {{service}}',
        },
        {
          expr: `sum by (service) (${rate('gateway_upstream_connect_failures_total', SERVICES)})`,
          legend: 'connect failures {{service}}',
        },
      ],
    },
    {
      title: 'Connections to backends',
      description: 'Open ones (idle ones included), and requests that wait for one.',
      unit: 'short',
      queries: [
        {
          expr: `sum(gateway_upstream_connections_open{${SERVICES}})`,
          legend: 'open',
        },
        { expr: `sum(gateway_upstream_connections_idle{${SERVICES}})`, legend: 'idle' },
        { expr: `sum(gateway_upstream_requests_pending{${SERVICES}})`, legend: 'waiting requests' },
      ],
    },
  ],
};

const CONFIGURATION: Row = {
  title: 'Configuration',
  panels: [
    {
      title: 'Findings',
      description: 'What is wrong with the objects now; kubectl get -o wide says where.',
      unit: 'short',
      queries: [
        {
          expr: `max by (code, severity) (gateway_findings{${PODS}})`,
          legend: '{{severity}}: {{code}}',
        },
      ],
    },
    {
      title: 'Generations not applied',
      description:
        'Published, but not acknowledged by every thread of the pod. More than a moment above 0 is a fault.',
      unit: 'short',
      queries: [
        {
          expr: `gateway_config_generation{${PODS}} - gateway_config_applied_generation{${PODS}}`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Configuration changes',
      description: 'Generations published per minute.',
      unit: 'short',
      queries: [
        {
          expr: `60 * deriv(gateway_config_generation{${PODS}}[$__rate_interval])`,
          legend: '{{pod}}',
        },
      ],
    },
  ],
};

const CLUSTER: Row = {
  title: 'API server',
  panels: [
    {
      title: 'Failures in a row',
      description:
        'Lists and watches that failed one after the other, by kind. All kinds at once: the API server is away.',
      unit: 'short',
      queries: [
        {
          expr: `max by (pod, kind) (gateway_source_failures_in_a_row{${PODS}})`,
          legend: '{{pod}} {{kind}}',
        },
      ],
    },
    {
      title: 'Age of the last event',
      description: 'Seconds since the API server last told anything of a kind, bookmarks included.',
      unit: 's',
      queries: [
        {
          expr: `max by (kind) (gateway_source_last_event_age_seconds{${PODS}})`,
          legend: '{{kind}}',
        },
      ],
    },
    {
      title: 'Objects',
      description: 'Objects that are watched, by kind.',
      unit: 'short',
      queries: [{ expr: `max by (kind) (gateway_source_objects{${PODS}})`, legend: '{{kind}}' }],
    },
    {
      title: 'Who writes statuses',
      description: '1: the replica that holds the Lease.',
      unit: 'short',
      queries: [{ expr: `gateway_leader{${PODS}}`, legend: '{{pod}}' }],
    },
    {
      title: 'Statuses that wait',
      description: 'Statuses that are not written yet.',
      unit: 'short',
      queries: [{ expr: `sum(gateway_status_waiting{${PODS}})`, legend: 'waiting' }],
    },
    {
      title: 'Last good table',
      description:
        '1: the pod started while the API server was away, and serves the table of its former run.',
      unit: 'short',
      queries: [{ expr: `gateway_saved_table_served{${PODS}}`, legend: '{{pod}}' }],
    },
  ],
};

const PROCESS: Row = {
  title: 'Pods',
  panels: [
    {
      title: 'Event-loop utilization',
      description: 'Share of time in which a data-plane thread is busy. Near 1, the thread is the limit.',
      unit: 'percentunit',
      queries: [
        {
          expr: `gateway_thread_event_loop_utilization_ratio{${PODS}}`,
          legend: '{{pod}} thread {{thread}}',
        },
      ],
    },
    {
      title: 'Event-loop delay, p99',
      description: 'Over five seconds.',
      unit: 'ms',
      queries: [
        {
          expr: `gateway_thread_event_loop_delay_p99_ms{${PODS}}`,
          legend: '{{pod}} thread {{thread}}',
        },
      ],
    },
    {
      title: 'Turned away under overload',
      description: 'Requests per second, by priority, where the policy overload is used.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (priority) (${rate('gateway_overload_shed_total', PODS)})`,
          legend: '{{priority}}',
        },
      ],
    },
    {
      title: 'Memory',
      description: 'Resident memory of the process, and JavaScript heap of its data-plane threads.',
      unit: 'bytes',
      queries: [
        {
          expr: `process_resident_memory_bytes{${PODS}} and on (job, instance) gateway_build_info`,
          legend: '{{pod}} resident',
        },
        {
          expr: `sum by (pod) (gateway_thread_heap_used_bytes{${PODS}})`,
          legend: '{{pod}} heaps',
        },
      ],
    },
    {
      title: 'CPU',
      description: 'Seconds of CPU per second.',
      unit: 'short',
      queries: [
        {
          expr: `${rate('process_cpu_seconds_total', PODS)} and on (job, instance) gateway_build_info`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Lost sight',
      description: 'Access-log lines dropped and metric series refused, per second.',
      unit: 'short',
      queries: [
        { expr: `sum(${rate('gateway_access_log_dropped_total', PODS)})`, legend: 'log lines' },
        { expr: `sum(${rate('gateway_metric_series_refused_total', PODS)})`, legend: 'series' },
      ],
    },
    {
      title: 'Versions',
      description: 'Pods by version.',
      unit: 'short',
      queries: [
        {
          expr: `count by (version, revision) (gateway_build_info{${PODS}})`,
          legend: '{{version}} {{revision}}',
        },
      ],
    },
  ],
};

const PANEL = { width: 8, height: 8, columns: 3 };
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** Grafana's JSON of the dashboard. */
export function dashboard(): object {
  const panels: object[] = [];
  let y = 0;
  for (const row of [TRAFFIC, BACKENDS, CONFIGURATION, CLUSTER, PROCESS]) {
    const gridPos = { x: 0, y, w: PANEL.width * PANEL.columns, h: 1 };
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos,
      panels: [],
    });
    y += 1;
    for (const [index, panel] of row.panels.entries()) {
      const position = {
        x: (index % PANEL.columns) * PANEL.width,
        y: y + Math.floor(index / PANEL.columns) * PANEL.height,
        w: PANEL.width,
        h: PANEL.height,
      };
      panels.push({ id: panels.length + 1, ...timeSeries(panel), gridPos: position });
    }
    y += Math.ceil(row.panels.length / PANEL.columns) * PANEL.height;
  }
  return {
    uid: 'portreeve',
    title: 'Portreeve',
    description: 'Traffic, backends, configuration and pods of the gateway.',
    tags: ['portreeve', 'gateway'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    panels,
  };
}

function timeSeries(panel: Panel): object {
  return {
    type: 'timeseries',
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        min: 0,
        custom: panel.stacked
          ? { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 40 }
          : { fillOpacity: 0 },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

function variables(): object[] {
  const ofLabel = (name: string, label: string, metric: string) => ({
    name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(${metric}, ${label})`, refId: name },
    definition: `label_values(${metric}, ${label})`,
    includeAll: true,
    allValue: '.*',
    multi: true,
    refresh: 2,
    sort: 1,
    current: { text: 'All', value: '$__all' },
  });
  return [
    { name: 'datasource', type: 'datasource', query: 'prometheus', refresh: 1 },
    ofLabel('namespace', 'namespace', 'gateway_build_info'),
    ofLabel('service', 'service', `gateway_requests_total{${PODS}}`),
  ];
}
