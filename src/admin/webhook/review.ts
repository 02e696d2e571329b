/** What the API server asks about (admission.k8s.io/v1 AdmissionRequest), as far as it is read. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** `portreeve.dev/v1alpha1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** `status` and the like; empty for the object itself. */
  readonly subResource: string;
  /** Empty for objects of the cluster. */
  readonly namespace: string;
  /** Not trusted in any way. null for a delete. */
  readonly object: unknown;
  /** As it was; null for a create. */
  readonly oldObject: unknown;
}

/** The answer to a request. */
export type Verdict =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  /** `message` says everything that is wrong, a line each. */
  | { readonly allowed: false; readonly message: string; readonly warnings: readonly string[] };

/** A body that is no AdmissionReview of version v1; the message says what is missing. */
export class MalformedReviewError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedReviewError';
  }
}

const API_VERSION = 'admission.k8s.io/v1';
const OPERATIONS: ReadonlySet<unknown> = new Set(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']);
/** A status longer than this is nothing that anyone reads. */
const MAX_MESSAGE_CHARACTERS = 8_192;
/** API servers cut warnings off at 4,096 characters in all, and shorten each beyond 256. */
const MAX_WARNINGS = 10;
const MAX_WARNING_CHARACTERS = 256;
/** Control characters could move a terminal's cursor; a message keeps its line ends. */
const CONTROL = /[^\P{Cc}\n]/gu;

/** @throws MalformedReviewError */
export function readReview(body: unknown): AdmissionRequest {
  const review = record(body, 'the body');
  if (review.apiVersion !== API_VERSION || review.kind !== 'AdmissionReview') {
    throw new MalformedReviewError(`the body must be an AdmissionReview of ${API_VERSION}`);
  }
  const request = record(review.request, 'request');
  const kind = record(request.kind, 'request.kind');
  const operation = text(request.operation, 'request.operation');
  if (!OPERATIONS.has(operation)) {
    throw new MalformedReviewError(`request.operation must be one of ${[...OPERATIONS].join(', ')}`);
  }
  const uid = text(request.uid, 'request.uid');
  if (uid === '' || uid.length > 128)
    throw new MalformedReviewError('request.uid must have 1 to 128 characters');
  const group = text(kind.group, 'request.kind.group');
  const version = text(kind.version, 'request.kind.version');
  return {
    uid,
    operation: operation as AdmissionRequest['operation'],
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind: text(kind.kind, 'request.kind.kind'),
    subResource: text(request.subResource ?? '', 'request.subResource'),
    namespace: text(request.namespace ?? '', 'request.namespace'),
    object: request.object ?? null,
    oldObject: request.oldObject ?? null,
  };
}

/** The AdmissionReview that answers a request. */
export function answerReview(uid: string, verdict: Verdict): object {
  const warnings = shortenWarnings(verdict.warnings);
  const response = {
    uid,
    allowed: verdict.allowed,
    ...(verdict.allowed
      ? {}
      : { status: { code: 422, reason: 'Invalid', message: shortenMessage(verdict.message) } }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response };
}

function shortenMessage(message: string): string {
  const clean = message.replace(CONTROL, '\u{fffd}');
  return clean.length <= MAX_MESSAGE_CHARACTERS ? clean : `${clean.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…`;
}

function shortenWarnings(warnings: readonly string[]): readonly string[] {
  const shown = warnings.slice(0, MAX_WARNINGS).map((warning) => {
    const line = warning.replaceAll('\n', ' ').replace(CONTROL, '\u{fffd}');
    return line.length <= MAX_WARNING_CHARACTERS ? line : `${line.slice(0, MAX_WARNING_CHARACTERS - 1)}…`;
  });
  const left = warnings.length - shown.length;
  return left === 0 ? shown : [...shown, `and ${left} more warnings`];
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new MalformedReviewError(`${what} must be an object`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new MalformedReviewError(`${what} must be text`);
}
