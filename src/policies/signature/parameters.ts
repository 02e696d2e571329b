import type { Parameters } from '../../lib/structured-fields/model.ts';

/** Of a signature (RFC 9421 section 2.3); times in Unix seconds. */
export interface SignatureParameters {
  readonly keyId: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly nonce: string | null;
  readonly algorithm: string | null;
}

/** @returns what is wrong as text, when something is. */
export function readParameters(params: Parameters): SignatureParameters | string {
  for (const name of ['keyid', 'nonce', 'alg', 'tag']) {
    if (params.has(name) && params.get(name)!.kind !== 'string') return `${name} must be a string`;
  }
  for (const name of ['created', 'expires']) {
    if (params.has(name) && params.get(name)!.kind !== 'integer') return `${name} must be a whole number`;
  }
  const keyId = text(params, 'keyid');
  const createdAt = params.get('created')?.value;
  if (keyId === null) return 'it has no keyid';
  if (typeof createdAt !== 'number') return 'it has no created';
  const expiresAt = params.get('expires')?.value;
  return {
    keyId,
    createdAt,
    expiresAt: typeof expiresAt === 'number' ? expiresAt : null,
    nonce: text(params, 'nonce'),
    algorithm: text(params, 'alg'),
  };
}

function text(params: Parameters, name: string): string | null {
  const value = params.get(name)?.value;
  return typeof value === 'string' ? value : null;
}

interface TimeWindow {
  readonly maxAgeSeconds: number;
  readonly leewaySeconds: number;
}

/** First second at which a signature no longer counts. */
export function validUntil(
  { createdAt, expiresAt }: SignatureParameters,
  { maxAgeSeconds, leewaySeconds }: TimeWindow,
): number {
  const aged = createdAt + maxAgeSeconds;
  return Math.min(aged, expiresAt ?? aged) + leewaySeconds;
}

/** Leeway is for the clocks of others, in both directions. */
export function timeProblem(
  parameters: SignatureParameters,
  window: TimeWindow,
  nowSeconds: number,
): { readonly expired: boolean; readonly detail: string } | null {
  const { createdAt, expiresAt } = parameters;
  if (expiresAt !== null && expiresAt <= createdAt)
    return { expired: false, detail: 'it expires before it was made' };
  if (createdAt > nowSeconds + window.leewaySeconds)
    return { expired: false, detail: 'it was made in the future' };
  if (nowSeconds >= validUntil(parameters, window))
    return { expired: true, detail: 'Request signature expired.' };
  return null;
}
