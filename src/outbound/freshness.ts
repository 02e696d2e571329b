export interface AgeBounds {
  readonly minAgeMs: number;
  readonly maxAgeMs: number;
  readonly defaultAgeMs: number;
}

/**
 * How long to keep what a provider sent, by its `Cache-Control` (RFC 9111 section 5.2.2) and within our bounds; a tenth
 * less at random, so that threads and replicas don't come back in step.
 */
export function freshForMs(cacheControl: string, { minAgeMs, maxAgeMs, defaultAgeMs }: AgeBounds): number {
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/i.exec(cacheControl)?.[1];
  const asked = /(?:^|[\s,])no-(?:store|cache)\b/i.test(cacheControl)
    ? 0
    : seconds === undefined
      ? defaultAgeMs
      : Number(seconds) * 1000;
  const boundedMs = Math.min(maxAgeMs, Math.max(minAgeMs, asked));
  return boundedMs * (0.9 + Math.random() * 0.1);
}
