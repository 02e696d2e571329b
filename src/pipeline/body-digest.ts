import { digestsMatch, type ExpectedDigest } from '../lib/digest.ts';
import type { MessageBody } from './body.ts';

/**
 *   matches     all of it was read, and it is what was promised;
 *   differs     it was read, and is not;
 *   tooLarge    it has more than `maxBytes`.
 */
export type BodyVerdict = 'matches' | 'differs' | 'tooLarge';

/** Holds the body in memory until all of it is proved: the backend sees nothing of one that is not what was signed. */
export function verifyBody(
  body: MessageBody,
  expected: readonly ExpectedDigest[],
  maxBytes: number,
): BodyVerdict | Promise<BodyVerdict> {
  const judge = (bytes: Uint8Array | null): BodyVerdict => {
    if (bytes === null) return 'tooLarge';
    return digestsMatch(expected, bytes) ? 'matches' : 'differs';
  };
  const bytes = body.read(maxBytes);
  return bytes instanceof Promise ? bytes.then(judge) : judge(bytes);
}
