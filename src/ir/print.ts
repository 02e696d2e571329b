import type { EndpointHints, EndpointsIr } from './cluster.ts';
import type { Finding } from './finding.ts';
import type { GatewayIr } from './gateway.ts';
import { describeOrigin, type Origin, objectKey } from './origin.ts';
import type {
  NamedTest,
  PathMatch,
  PathRewrite,
  RouteAction,
  RouteIr,
  RouteMatch,
  RuleIr,
  TimeoutSetting,
  ValueTest,
} from './route.ts';

/**
 * The IR as text for golden tests and for people: the same IR always prints the same. Routes, clusters and
 * endpoints are sorted; everything whose order means something (rules, matches, policies) keeps it.
 */
export function printIr(ir: GatewayIr, endpoints: readonly EndpointsIr[]): string {
  const lines: string[] = [];
  for (const route of [...ir.routes].sort((a, b) => compareText(a.key, b.key))) printRoute(route, lines);
  const byCluster = new Map(endpoints.map((one) => [one.cluster, one]));
  for (const cluster of [...ir.clusters].sort((a, b) => compareText(a.key, b.key))) {
    const { protocol } = cluster;
    const spoken = protocol.kind === 'http' ? 'http' : `https server-name=${protocol.serverName}`;
    const host = cluster.host === null ? '' : ` host=${cluster.host}`;
    lines.push(`cluster ${cluster.key} service=${cluster.service} ${spoken}${host}`);
    lines.push(...printEndpoints(byCluster.get(cluster.key)));
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Findings as text: one a line, in the order of their places. */
export function printFindings(findings: readonly Finding[]): string {
  const lines = findings.map((finding) => {
    const { origin, code, ...rest } = finding;
    const place = origin.location === null ? '-' : describeOrigin(origin);
    const on = `${objectKey(origin.object)}${origin.fieldPath === '' ? '' : ` ${origin.fieldPath}`}`;
    return `${place} ${code} on ${on} ${JSON.stringify(rest, flattenOrigin)}`;
  });
  return lines.length === 0 ? '' : `${lines.sort(compareText).join('\n')}\n`;
}

function printRoute(route: RouteIr, lines: string[]): void {
  lines.push(`route ${route.key} # ${describePlace(route.origin)}`);
  if (route.createdAtMs !== 0) lines.push(`  created ${new Date(route.createdAtMs).toISOString()}`);
  lines.push(`  hosts ${route.hosts.join(' ') || 'any'}`);
  lines.push(`  listeners ${route.listeners.join(' ') || 'any'}`);
  for (const rule of route.rules) printRule(rule, lines);
}

function printRule(rule: RuleIr, lines: string[]): void {
  lines.push(`  rule ${rule.name} # ${describePlace(rule.origin)}`);
  for (const match of rule.matches) lines.push(`    match ${printMatch(match)}`);
  printAction(rule.action, lines);
  for (const policy of rule.policies) {
    lines.push(
      `    policy ${policy.name}${policy.shadow === true ? ' (shadow)' : ''} ${JSON.stringify(policy.config)} # ${describePlace(policy.origin)}`,
    );
  }
}

function printAction(action: RouteAction, lines: string[]): void {
  switch (action.kind) {
    case 'forward': {
      const timeouts = `request=${printTimeout(action.requestTimeout)} backend=${printTimeout(action.backendTimeout)} idle=${printTimeout(action.idleTimeout)}`;
      lines.push(`    forward ${action.balancing} ${timeouts}`);
      for (const backend of action.backends) {
        lines.push(
          `      backend ${backend.cluster} weight=${backend.weight} # ${describePlace(backend.origin)}`,
        );
      }
      for (const mirror of action.mirrors)
        lines.push(`      mirror ${mirror.cluster} percent=${mirror.percent}`);
      if (action.retry !== null) lines.push(`      retry ${JSON.stringify(action.retry)}`);
      if (action.hedge !== null) lines.push(`      hedge after ${action.hedge.afterMs} ms`);
      if (action.rewrite.path.kind !== 'none')
        lines.push(`      rewrite-path ${printRewrite(action.rewrite.path)}`);
      if (action.rewrite.host !== null) lines.push(`      rewrite-host ${action.rewrite.host}`);
      if (action.maxBodyBytes !== null) lines.push(`      max-body-bytes ${action.maxBodyBytes}`);
      break;
    }
    case 'redirect': {
      const parts = [
        action.scheme && `scheme=${action.scheme}`,
        action.host && `host=${action.host}`,
        action.port && `port=${action.port}`,
      ];
      const target = parts.filter(Boolean).join(' ');
      lines.push(`    redirect ${action.status} path ${printRewrite(action.path)}${target && ` ${target}`}`);
      break;
    }
    case 'respond':
      lines.push(
        `    respond ${action.status} ${JSON.stringify(action.headers)} ${JSON.stringify(action.body)}`,
      );
      break;
    case 'fail':
      lines.push(`    fail ${action.status} ${JSON.stringify(action.reason)}`);
      break;
  }
}

function printEndpoints(endpoints: EndpointsIr | undefined): string[] {
  if (endpoints === undefined) return ['  no endpoint list'];
  const lines = endpoints.endpoints.map((endpoint) => {
    const state = [
      endpoint.ready && 'ready',
      endpoint.serving && 'serving',
      endpoint.terminating && 'terminating',
    ];
    const zone = endpoint.zone === null ? '' : ` zone=${endpoint.zone}`;
    return `  endpoint ${endpoint.address} ${endpoint.port} ${state.filter(Boolean).join(' ') || 'down'} weight=${endpoint.weight}${zone}${printHints(endpoint.hints)}`;
  });
  return lines.sort(compareText);
}

function printHints(hints: EndpointHints | null): string {
  if (hints === null) return '';
  return [
    ...hints.nodes.map((node) => ` for-node=${node}`),
    ...hints.zones.map((zone) => ` for-zone=${zone}`),
  ].join('');
}

/** One match on one line, as `explain` shows it too. */
export function printMatch(match: RouteMatch): string {
  const parts = [printPath(match.path)];
  if (match.methods.length > 0) parts.push(`methods=${match.methods.join(',')}`);
  const groups = { header: match.headers, query: match.query, cookie: match.cookies, claim: match.claims };
  for (const [kind, tests] of Object.entries(groups)) {
    for (const test of tests) parts.push(`${kind} ${printTest(test)}`);
  }
  if (match.clientAddresses.length > 0) parts.push(`client=${match.clientAddresses.join(',')}`);
  return parts.join(' ');
}

function printPath(path: PathMatch): string {
  return `${path.kind} ${path.kind === 'regex' ? path.pattern : path.value}`;
}

function printTest({ name, test }: NamedTest): string {
  const operators: Record<ValueTest['kind'], string> = {
    exact: '=',
    prefix: '^=',
    regex: '~',
    present: '?',
    absent: '!',
  };
  const value =
    'value' in test ? JSON.stringify(test.value) : 'pattern' in test ? JSON.stringify(test.pattern) : '';
  return `${name}${operators[test.kind]}${value}`;
}

function printTimeout(timeout: TimeoutSetting): string {
  return timeout.kind === 'after' ? `${timeout.ms}ms` : timeout.kind;
}

function printRewrite(rewrite: PathRewrite): string {
  switch (rewrite.kind) {
    case 'none':
      return 'as-is';
    case 'regex':
      return `regex ${JSON.stringify(rewrite.pattern)} to ${JSON.stringify(rewrite.substitution)}`;
    default:
      return `${rewrite.kind} ${rewrite.value}`;
  }
}

function describePlace(origin: Origin): string {
  const place = origin.location === null ? '-' : describeOrigin(origin);
  return origin.fieldPath === '' ? place : `${place} ${origin.fieldPath}`;
}

function flattenOrigin(_key: string, value: unknown): unknown {
  const isOrigin = typeof value === 'object' && value !== null && 'object' in value && 'fieldPath' in value;
  return isOrigin ? describePlace(value as Origin) : value;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
