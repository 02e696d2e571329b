const MAX_TOKEN_BYTES = 16 * 1024;

/**
 * The claims of a bearer token, not verified: good enough to choose a rule, never to admit. Null when there
 * is no token that can be read (RFC 7519).
 */
export function peekClaims(authorization: string | null): ReadonlyMap<string, unknown> | null {
  if (authorization === null || authorization.length > MAX_TOKEN_BYTES) return null;
  const payload = /^bearer +[\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorization)?.[1];
  if (payload === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return null;
    return new Map(Object.entries(claims));
  } catch {
    return null;
  }
}
