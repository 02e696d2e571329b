import type { Finding, FindingCode, Severity } from './finding.ts';
import { describeOrigin, objectKey } from './origin.ts';

/** A finding in words for people. */
export interface FindingText {
  readonly message: string;
  /** What to do about it; empty when the message says it. */
  readonly advice: string;
}

/** A map, so that a new code can't be forgotten. Errors are what keeps an object from doing what it says. */
const SEVERITY: Readonly<Record<FindingCode, Severity>> = {
  unreadable: 'error',
  invalid: 'error',
  duplicateObject: 'error',
  unknownKind: 'warning',
  backendNotFound: 'error',
  backendPortNotFound: 'error',
  backendRefused: 'error',
  referenceNotFound: 'error',
  secretRefused: 'error',
  certificateDoubtful: 'warning',
  credentialTaken: 'error',
  referenceNotPermitted: 'error',
  regexRefused: 'error',
  policyRefused: 'error',
  listenerNotFound: 'error',
  noEffect: 'warning',
  shadowed: 'warning',
  keptLastGood: 'warning',
};

export function severityOf(finding: Finding): Severity {
  return SEVERITY[finding.code];
}

/** The words of a finding, the same on the command line, in logs and in status conditions. */
export function describeFinding(finding: Finding): FindingText {
  switch (finding.code) {
    case 'unreadable':
    case 'invalid':
    case 'backendRefused':
      return { message: finding.message, advice: '' };
    case 'duplicateObject':
      return {
        message: `${objectKey(finding.origin.object)} is already defined at ${describeOrigin(finding.other)}`,
        advice: 'rename or remove one of them; the first one is used',
      };
    case 'unknownKind':
      return {
        message: `${finding.apiVersion} ${finding.kind} is not read`,
        advice: 'check apiVersion and kind',
      };
    case 'backendNotFound':
      return { message: `there is no Service ${finding.service}`, advice: 'create it, or correct the name' };
    case 'backendPortNotFound':
      return {
        message: `Service ${finding.service} has no port ${finding.port}`,
        advice: `use one of: ${finding.available.join(', ') || 'it has no TCP port'}`,
      };
    case 'referenceNotFound':
      return { message: `there is no ${objectKey(finding.ref)}`, advice: 'create it, or correct the name' };
    case 'secretRefused':
    case 'certificateDoubtful':
      return { message: `${objectKey(finding.ref)} ${finding.message}`, advice: '' };
    case 'credentialTaken':
      return {
        message: `it is also a credential of ${objectKey(finding.by)}, which is older and keeps it`,
        advice: 'give each its own',
      };
    case 'referenceNotPermitted': {
      const { namespace } = finding.origin.object;
      return {
        message: `namespace ${namespace} may not refer to ${objectKey(finding.ref)}`,
        advice: `add { from: ${namespace}, to: ${finding.ref.namespace} } to allowCrossNamespace in the gateway's configuration, or use an object of namespace ${namespace}`,
      };
    }
    case 'regexRefused':
      return { message: finding.message, advice: '' };
    case 'policyRefused':
      return { message: `policy "${finding.policy}" is refused: ${finding.message}`, advice: '' };
    case 'listenerNotFound':
      return {
        message: `there is no listener "${finding.listener}"`,
        advice: `use one of: ${finding.available.join(', ')}`,
      };
    case 'noEffect':
      return {
        message: `${finding.origin.fieldPath.split('.').at(-1)} has no effect: ${finding.because}`,
        advice: 'remove it',
      };
    case 'shadowed':
      return {
        message: `no request ever gets here: ${describeOrigin(finding.by)} takes them all`,
        advice: 'remove it, or make it more specific',
      };
    case 'keptLastGood':
      return {
        message: `its last good version, of ${finding.since}, keeps serving`,
        advice: 'correct the errors',
      };
  }
}
