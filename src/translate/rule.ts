import { describeFinding } from '../ir/describe.ts';
import type { PolicyRef, RespondAction, RouteAction, RouteMatch, RuleIr } from '../ir/route.ts';
import type { RouteRule } from '../resources/gateway-route/schema.ts';
import { type ForwardContext, translateForward } from './forward.ts';
import { EVERY_REQUEST, translateMatch } from './match.ts';
import { noteNoEffect } from './no-effect.ts';
import type { TranslateOptions } from './options.ts';
import { mergePolicies, type PolicyContext, translatePolicies } from './policies.ts';
import type { Report } from './report.ts';
import { translateRedirect } from './rewrite.ts';

export interface RuleContext extends ForwardContext {
  readonly options: TranslateOptions;
  /** Global and route policies, merged. */
  readonly policies: readonly PolicyRef[];
  /** See `GlobalRefs`. */
  readonly badGlobals: ReadonlyMap<PolicyRef, string>;
  /** See `PolicyContext`. */
  readonly policyContext: Omit<PolicyContext, 'report'>;
}

/** One rule. A fault anywhere in it closes it, as does a policy's reference to what is not there: it answers 500 to what it would have taken. */
export function translateRule(rule: RouteRule, index: number, outer: RuleContext): RuleIr {
  const at = `spec.rules[${index}]`;
  const report = outer.report.child();
  const context: RuleContext = { ...outer, report };
  const matches = translateMatches(rule, at, report);
  const own = translatePolicies(rule.policies, `${at}.policies`, {
    ...context.policyContext,
    report,
  });
  const policies = mergePolicies(context.policies, own);
  for (const ref of policies) {
    const why = outer.badGlobals.get(ref);
    if (why === undefined) continue;
    const message = `a policy of the gateway's own configuration can't be built: ${why}`;
    report.missing(at, { code: 'policyRefused', policy: ref.name, message });
  }
  noteNoEffect(rule, at, outer.report);
  const action = translateAction(rule, at, context);
  return {
    name: rule.name ?? String(index),
    origin: report.place(at),
    matches,
    action: report.faulty || report.incomplete ? closed(report) : action,
    policies,
  };
}

/** The action of a rule that can't be built. */
export function closed(report: Report): RouteAction {
  const reason = report.findings.map((finding) => describeFinding(finding).message).join('; ');
  return { kind: 'fail', status: 500, reason };
}

function translateMatches(rule: RouteRule, at: string, report: Report): readonly RouteMatch[] {
  if (rule.matches === undefined || rule.matches.length === 0) return [EVERY_REQUEST];
  return rule.matches
    .map((match, index) => translateMatch(match, `${at}.matches[${index}]`, report))
    .filter((match) => match !== null);
}

function translateAction(rule: RouteRule, at: string, context: RuleContext): RouteAction {
  if (rule.redirect !== undefined) return translateRedirect(rule.redirect, `${at}.redirect`, context.report);
  if (rule.respond !== undefined) return translateRespond(rule.respond);
  return translateForward(rule, at, context);
}

function translateRespond(respond: NonNullable<RouteRule['respond']>): RespondAction {
  const headers = (respond.headers ?? []).map(({ name, value }) => [name, value] as const);
  return { kind: 'respond', status: respond.status, headers, body: respond.body };
}
