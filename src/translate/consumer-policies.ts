import { hash } from 'node:crypto';
import type { ConsumerPolicies } from '../ir/consumer.ts';
import { describeFinding } from '../ir/describe.ts';
import type { PolicyRef } from '../ir/route.ts';
import { CONSUMER_PHASES, type Phase, phaseOf } from '../pipeline/policy.ts';
import type { Consumer } from '../resources/consumer.ts';
import { readPolicyEntry } from '../resources/gateway-route/schema.ts';
import { type PolicyContext, translatePolicies } from './policies.ts';

const AT = 'spec.policies';

/** The policies of a Consumer. One that can't be built closes its requests, never those of others. */
export function translateConsumerPolicies(
  { policies, rateLimit }: Consumer['spec'],
  context: PolicyContext,
): ConsumerPolicies | null {
  if (policies === undefined || policies.length === 0) return null;
  const report = context.report.child();
  policies.forEach((entry, index) => {
    const { name, config } = readPolicyEntry(entry);
    const spec = context.catalogue.get(name);
    const phase = spec === undefined ? null : phaseOf(spec, config);
    const message = misplaced(name, phase, rateLimit !== undefined);
    if (message !== null) report.fault(`${AT}[${index}]`, { code: 'policyRefused', policy: name, message });
  });
  const refs = translatePolicies(policies, AT, { ...context, report });
  const isClosed = report.faulty || report.incomplete;
  const message = report.findings.map((finding) => describeFinding(finding).message).join('; ');
  return {
    id: idOf(refs, isClosed ? message : null),
    refs,
    closed: isClosed ? { origin: report.place(AT), message } : null,
  };
}

function misplaced(name: string, phase: Phase | null, hasLimits: boolean): string | null {
  if (phase !== null && !(CONSUMER_PHASES as readonly Phase[]).includes(phase)) {
    return `its phase, ${phase}, has passed by the time the Consumer is known: write it in GatewayRoutes; a Consumer may have policies of ${CONSUMER_PHASES.join(', ')}`;
  }
  return name === 'rateLimit' && hasLimits
    ? 'spec.rateLimit says which limits it is under: write all of them there, or here'
    : null;
}

/** Where they are written is no part of it. */
function idOf(refs: readonly PolicyRef[], closed: string | null): string {
  const content = refs.map(({ name, config, shadow = false }) => [name, config, shadow]);
  return hash('sha256', JSON.stringify([content, closed]), 'base64url');
}
