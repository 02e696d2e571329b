import type { ObjectRef, Origin } from './origin.ts';

export type Severity = 'error' | 'warning' | 'info';

/**
 * Something a person should know about an object. The single source of status conditions, metrics, log
 * lines and what `validate` prints. A code is never used again for another meaning.
 */
export type Finding = {
  readonly origin: Origin;
} /** YAML that does not parse, a file that can't be read. */ & (
  | { readonly code: 'unreadable'; readonly message: string }
  /** The object does not fit its schema. */
  | { readonly code: 'invalid'; readonly message: string }
  /** Two objects of one kind, namespace and name. */
  | { readonly code: 'duplicateObject'; readonly other: Origin }
  /** A kind or apiVersion that is not read. */
  | { readonly code: 'unknownKind'; readonly apiVersion: string; readonly kind: string }
  | { readonly code: 'backendNotFound'; readonly service: string }
  | {
      readonly code: 'backendPortNotFound';
      readonly service: string;
      readonly port: string;
      readonly available: readonly string[];
    }
  | { readonly code: 'backendRefused'; readonly message: string }
  | { readonly code: 'referenceNotFound'; readonly ref: ObjectRef }
  /** A Secret that is there, but has not what is wanted of it. */
  | { readonly code: 'secretRefused'; readonly ref: ObjectRef; readonly message: string }
  /** A certificate that is served, although clients will, or may, refuse it. */
  | { readonly code: 'certificateDoubtful'; readonly ref: ObjectRef; readonly message: string }
  /** Two Consumers of a namespace have the same API key, user name, claim or certificate. */
  | { readonly code: 'credentialTaken'; readonly by: ObjectRef }
  /** A reference into another namespace, which the gateway's configuration does not allow. */
  | { readonly code: 'referenceNotPermitted'; readonly ref: ObjectRef }
  | { readonly code: 'regexRefused'; readonly pattern: string; readonly message: string }
  | { readonly code: 'policyRefused'; readonly policy: string; readonly message: string }
  | { readonly code: 'listenerNotFound'; readonly listener: string; readonly available: readonly string[] }
  /** A field that its rule never looks at. `because`: what the rule does instead. */
  | { readonly code: 'noEffect'; readonly because: string }
  /** A match that never wins, because another takes all its requests. */
  | { readonly code: 'shadowed'; readonly by: Origin }
  /** The last good version keeps serving. */
  | { readonly code: 'keptLastGood'; readonly since: string }
);
export type FindingCode = Finding['code'];
