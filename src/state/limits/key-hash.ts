/** 64 bits as two words; the second is never 0, so that 0, 0 can stand for nothing. */
export interface KeyHash {
  low: number;
  high: number;
}

/**
 * Hashes an id and a key into `out`. `seed1` and `seed2` are random for each program: nobody outside can look for a
 * key that falls on another's.
 */
export function hashKey(id: string, key: string, seed1: number, seed2: number, out: KeyHash): void {
  hashInto(id, seed1, seed2, out);
  hashInto(key, out.low, out.high, out);
}

/** Goes on from `low` and `high`: what was made of a part that many keys begin with need not be made anew. */
export function hashInto(text: string, fromLow: number, fromHigh: number, out: KeyHash): void {
  let low = fromLow ^ text.length;
  let high = fromHigh ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x9e3779b1);
    high = Math.imul(high ^ code, 0x5f356495);
    low ^= low >>> 15;
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  out.low = low | 0;
  out.high = high | 0 || 1;
}
