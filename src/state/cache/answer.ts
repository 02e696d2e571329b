/** An answer of a backend as it is kept. Times are Unix milliseconds, spans milliseconds. */
export interface StoredAnswer {
  readonly head: AnswerHead;
  readonly body: Uint8Array;
}

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case; without what belongs to one hop, to one client, or to the store. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** When it came, and how old it was then (RFC 9111 section 4.2.3). */
  readonly receivedAtMs: number;
  readonly initialAgeMs: number;
  /** RFC 9111 section 4.2.1. */
  readonly lifetimeMs: number;
  /** `Date`; when there was none, when it came. */
  readonly dateMs: number;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly staleness: Staleness;
  /** What it can be purged by. */
  readonly marks: readonly string[];
}

/** How long past its lifetime an answer may be used, and for what. */
export interface Staleness {
  /** Every use is validated first: `no-cache`. */
  readonly validateAlways: boolean;
  /** Never used once stale, not even at a client's wish: `must-revalidate`, `proxy-revalidate`, `s-maxage`. */
  readonly forbidden: boolean;
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

/** Room in front of the body: bytes of the head as JSON. */
const PREFIX_BYTES = 4;

/** As bytes for a store. */
export function packAnswer({ head, body }: StoredAnswer): Buffer {
  const json = JSON.stringify(head);
  const headBytes = Buffer.byteLength(json, 'utf8');
  const packed = Buffer.allocUnsafeSlow(PREFIX_BYTES + headBytes + body.length);
  packed.writeUInt32LE(headBytes, 0);
  packed.write(json, PREFIX_BYTES, 'utf8');
  packed.set(body, PREFIX_BYTES + headBytes);
  return packed;
}

/** The body is a view of the bytes. Null when they are not an answer. */
export function unpackAnswer(packed: Buffer): StoredAnswer | null {
  if (packed.length < PREFIX_BYTES) return null;
  const bodyAt = PREFIX_BYTES + packed.readUInt32LE(0);
  if (bodyAt > packed.length) return null;
  try {
    const head = JSON.parse(packed.toString('utf8', PREFIX_BYTES, bodyAt)) as AnswerHead;
    return { head, body: packed.subarray(bodyAt) };
  } catch {
    return null;
  }
}

/** How old it is now (RFC 9111 section 4.2.3). A clock that was set back makes nothing younger than it came. */
export function ageMs(head: AnswerHead, nowMs: number): number {
  return head.initialAgeMs + Math.max(0, nowMs - head.receivedAtMs);
}
