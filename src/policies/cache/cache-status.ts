import { type AnswerHead, ageMs } from '../../state/cache/answer.ts';

/** Our name in Cache-Status (RFC 9211). */
const NAME = 'Portreeve';

/** Why a request went on to the backend (RFC 9211 section 2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request';

export function hitStatus(head: AnswerHead, nowMs: number): string {
  return `${NAME}; hit; ttl=${Math.floor((head.lifetimeMs - ageMs(head, nowMs)) / 1000)}`;
}

export interface ForwardedDetails {
  /** What the backend answered, where the client gets another status. */
  readonly status?: number;
  readonly stored?: boolean;
  /** It waited for the answer to another request. */
  readonly collapsed?: boolean;
}

export function forwardedStatus(why: Forwarded, details: ForwardedDetails = {}): string {
  const status = details.status === undefined ? '' : `; fwd-status=${details.status}`;
  const stored = details.stored === true ? '; stored' : '';
  return `${NAME}; fwd=${why}${status}${stored}${details.collapsed === true ? '; collapsed' : ''}`;
}
