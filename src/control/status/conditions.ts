import { describeFinding, severityOf } from '../../ir/describe.ts';
import type { Finding, FindingCode } from '../../ir/finding.ts';
import type { Progress } from './progress.ts';

/** A condition without the time of its last transition: that is known where it is written. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** What is known of an object. */
export interface StatusFacts {
  /** Those on this object. */
  readonly findings: readonly Finding[];
  /** How far its version has come; null for kinds that no thread serves by themselves. */
  readonly progress: Progress | null;
}

/** The CRDs allow 32 KiB. */
const MAX_MESSAGE = 30_000;

/** Which condition an error counts for, and its reason. Those with null make no condition false. */
const ERRORS: Readonly<
  Record<FindingCode, readonly [type: 'Accepted' | 'ResolvedRefs', reason: string] | null>
> = {
  unreadable: ['Accepted', 'Invalid'],
  invalid: ['Accepted', 'Invalid'],
  duplicateObject: ['Accepted', 'Duplicate'],
  unknownKind: ['Accepted', 'Invalid'],
  regexRefused: ['Accepted', 'RegexRefused'],
  policyRefused: ['Accepted', 'PolicyRefused'],
  listenerNotFound: ['Accepted', 'ListenerNotFound'],
  backendNotFound: ['ResolvedRefs', 'BackendNotFound'],
  backendPortNotFound: ['ResolvedRefs', 'BackendNotFound'],
  backendRefused: ['ResolvedRefs', 'BackendRefused'],
  referenceNotFound: ['ResolvedRefs', 'RefNotFound'],
  secretRefused: ['ResolvedRefs', 'SecretRefused'],
  credentialTaken: ['Accepted', 'CredentialTaken'],
  referenceNotPermitted: ['ResolvedRefs', 'RefNotPermitted'],
  certificateDoubtful: null,
  noEffect: null,
  shadowed: null,
  keptLastGood: null,
};

/** The conditions that findings and acknowledgements make. The same facts always make the same conditions. */
export function conditionsOf({ findings, progress }: StatusFacts): readonly Condition[] {
  const accepted = errorCondition('Accepted', findings, 'Every field is valid.');
  const resolved = errorCondition('ResolvedRefs', findings, 'Everything that it refers to is there.');
  const shadowed = findings.filter(({ code }) => code === 'shadowed');
  return [
    accepted,
    resolved,
    ...(progress === null ? [] : [programmed(accepted, findings, progress)]),
    ...(shadowed.length === 0
      ? []
      : [{ type: 'Shadowed', status: 'True', reason: 'Shadowed', message: joinMessages(shadowed) } as const]),
  ];
}

function errorCondition(
  type: 'Accepted' | 'ResolvedRefs',
  findings: readonly Finding[],
  fine: string,
): Condition {
  const errors = findings.filter((one) => severityOf(one) === 'error' && ERRORS[one.code]?.[0] === type);
  const [first] = errors;
  if (first === undefined) return { type, status: 'True', reason: type, message: fine };
  return { type, status: 'False', reason: ERRORS[first.code]![1], message: joinMessages(errors) };
}

function programmed(accepted: Condition, findings: readonly Finding[], progress: Progress): Condition {
  const no = (reason: string, message: string): Condition => ({
    type: 'Programmed',
    status: 'False',
    reason,
    message,
  });
  const kept = findings.find(({ code }) => code === 'keptLastGood');
  if (kept !== undefined) return no('KeptLastGood', `This version is not served: ${sentence(kept)}`);
  if (accepted.status === 'False') return no(accepted.reason, accepted.message);
  if (progress.failure !== null) return no('RuleClosed', `A rule answers 500: ${progress.failure}`);
  if (progress.done < progress.total) {
    return no('Pending', `${progress.done} of ${progress.total} replicas serve this version.`);
  }
  return {
    type: 'Programmed',
    status: 'True',
    reason: 'Programmed',
    message: 'Every replica serves this version.',
  };
}

/** `spec.rules[2].backends[0]: there is no Service shop/cart (create it, or correct the name)`, one a line. */
function joinMessages(findings: readonly Finding[]): string {
  const lines: string[] = [];
  let length = 0;
  for (const [index, finding] of findings.entries()) {
    const { fieldPath } = finding.origin;
    const line = (fieldPath === '' ? sentence(finding) : `${fieldPath}: ${sentence(finding)}`).slice(
      0,
      MAX_MESSAGE / 2,
    );
    length += line.length + 1;
    if (length > MAX_MESSAGE) {
      lines.push(`and ${findings.length - index} more`);
      break;
    }
    lines.push(line);
  }
  return lines.join('\n');
}

function sentence(finding: Finding): string {
  const { message, advice } = describeFinding(finding);
  return advice === '' ? message : `${message} (${advice})`;
}
