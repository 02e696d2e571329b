/** 64 bits as two words; the second is never 0, so that 0, 0 can stand for nothing. */
export interface KeyHash {
  low: number;
  high: number;
}

/**
 * Hashes a meter's id and a key into `out`. `seed1` and `seed2` are random for each program: nobody outside can look for a
 * key that falls on another's.
 */
export function hashKey(id: string, key: string, seed1: number, seed2: number, out: KeyHash): void {
  let low = seed1 ^ id.length;
  let high = seed2 ^ key.length;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    low = Math.imul(low ^ code, 0x9e3779b1);
    high = Math.imul(high ^ code, 0x5f356495);
    low ^= low >>> 15;
  }
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
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
