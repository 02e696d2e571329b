import type { HttpLimits } from '../../ir/settings.ts';

/** Limits of one head: bytes with its first line and the empty one, lines, and octets of the request target. */
export type HeadLimits = Pick<HttpLimits, 'maxHeadBytes' | 'maxHeaders' | 'maxTargetBytes'>;

/**
 * Limits of one body. `maxTrailerBytes` counts the trailer lines with their CRLFs; `maxChunkExtensionBytes` is
 * per chunk, and a message may carry sixteen times as much; `maxBodyBytes` counts payload, 0: no limit.
 */
export type BodyLimits = Pick<HttpLimits, 'maxTrailerBytes' | 'maxChunkExtensionBytes' | 'maxBodyBytes'>;
