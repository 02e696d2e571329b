import type { ClusterIr, EndpointsIr } from '../ir/cluster.ts';
import { describeFinding, severityOf } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';
import { describeOrigin, objectKey } from '../ir/origin.ts';
import type { NamedTest, RouteAction, RouteIr, RouteMatch, RuleIr } from '../ir/route.ts';
import { isSensitiveName, REDACTED, redactText } from '../observe/redact.ts';
import type { ThreadView } from './view.ts';

/*
 * What `/config` shows of the IR. Secrets are never in it: of a policy only its name and origin, of a fixed
 * answer no body, of a match on a header that carries credentials no value, of a URL no user info.
 */

export function routeView(route: RouteIr): object {
  return {
    key: route.key,
    origin: describeOrigin(route.origin),
    hosts: route.hosts,
    listeners: route.listeners,
    rules: route.rules.map(ruleView),
  };
}

function ruleView(rule: RuleIr): object {
  return {
    name: rule.name,
    origin: describeOrigin(rule.origin),
    matches: rule.matches.map(matchView),
    action: actionView(rule.action),
    policies: rule.policies.map(({ name, shadow, origin }) => ({
      name,
      ...(shadow === true ? { shadow } : {}),
      origin: describeOrigin(origin),
    })),
  };
}

function matchView(match: RouteMatch): object {
  return {
    path: match.path,
    ...(match.methods.length > 0 && { methods: match.methods }),
    ...(match.headers.length > 0 && { headers: match.headers.map(testView) }),
    ...(match.query.length > 0 && { query: match.query.map(testView) }),
    ...(match.cookies.length > 0 && { cookies: match.cookies.map(hiddenTest) }),
    ...(match.clientAddresses.length > 0 && { clientAddresses: match.clientAddresses }),
    ...(match.claims.length > 0 && { claims: match.claims.map(testView) }),
  };
}

function testView(named: NamedTest): object {
  return isSensitiveName(named.name) ? hiddenTest(named) : named;
}

function hiddenTest({ name, test }: NamedTest): object {
  if ('value' in test) return { name, test: { kind: test.kind, value: REDACTED } };
  if ('pattern' in test) return { name, test: { kind: test.kind, pattern: REDACTED } };
  return { name, test };
}

function actionView(action: RouteAction): object {
  switch (action.kind) {
    case 'forward':
      return {
        ...action,
        backends: action.backends.map(({ cluster, weight }) => ({ cluster: redactText(cluster), weight })),
        mirrors: action.mirrors.map(({ cluster, percent }) => ({ cluster: redactText(cluster), percent })),
      };
    case 'redirect':
      return action;
    case 'respond':
      return {
        kind: action.kind,
        status: action.status,
        headers: action.headers.map(([name]) => name),
        bodyBytes: Buffer.byteLength(action.body),
      };
    case 'fail':
      return { kind: action.kind, status: action.status, reason: redactText(action.reason) };
  }
}

export function clusterView(cluster: ClusterIr, endpoints: EndpointsIr | undefined): object {
  return {
    key: redactText(cluster.key),
    service: redactText(cluster.service),
    protocol: cluster.protocol,
    host: cluster.host,
    endpoints: endpoints?.endpoints ?? [],
  };
}

export function findingView(finding: Finding): object {
  const { message, advice } = describeFinding(finding);
  return {
    code: finding.code,
    severity: severityOf(finding),
    object: objectKey(finding.origin.object),
    origin: describeOrigin(finding.origin),
    message: redactText(message),
    ...(advice !== '' && { advice: redactText(advice) }),
  };
}

export function threadView(thread: ThreadView): object {
  return {
    ...thread,
    failures: thread.failures.map(({ objectKey: object, origin, message }) => ({
      object,
      origin: describeOrigin(origin),
      message: redactText(message),
    })),
  };
}
