import { statusTitle } from '../lib/status-phrases.ts';

/** An answer made by the gateway itself, whole and small: it is never streamed. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array;
  /** A backend's answer, kept from before: it has its own Date, and policies take it for the backend's. */
  readonly stored?: true;
}

/**
 * RFC 9457 problem details. `detail` is for the client: never an upstream's name, address or a stack.
 */
export function problem(
  status: number,
  detail: string,
  headers: readonly (readonly [string, string])[] = [],
): Reply {
  return {
    status,
    headers: [['content-type', 'application/problem+json'], ...headers],
    body: JSON.stringify({ type: 'about:blank', title: statusTitle(status), status, detail }),
  };
}
