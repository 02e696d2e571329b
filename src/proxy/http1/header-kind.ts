/**
 * Field names that the gateway itself looks at, as small ints so that a walk over a head can `switch`.
 * 0 is every other name.
 */
export const HeaderKind = {
  other: 0,
  host: 1,
  connection: 2,
  keepAlive: 3,
  proxyConnection: 4,
  te: 5,
  trailer: 6,
  transferEncoding: 7,
  upgrade: 8,
  contentLength: 9,
  expect: 10,
  xForwardedFor: 11,
  xForwardedProto: 12,
  xForwardedHost: 13,
  xForwardedPort: 14,
  xRealIp: 15,
  forwarded: 16,
  via: 17,
  xRequestId: 18,
  date: 19,
  server: 20,
  contentType: 21,
  setCookie: 22,
  authorization: 23,
  cookie: 24,
  http2Settings: 25,
  xOriginalUrl: 26,
  xRewriteUrl: 27,
  proxyAuthorization: 28,
  proxyAuthenticate: 29,
  contentEncoding: 30,
  location: 31,
  cacheControl: 32,
  acceptEncoding: 33,
  origin: 34,
  xPoweredBy: 35,
  traceparent: 36,
  xForwardedPrefix: 37,
  xForwardedServer: 38,
  maxForwards: 39,
  altSvc: 40,
  xGatewayTimestamp: 41,
  xGatewayResponseTime: 42,
} as const;

export type HeaderKind = (typeof HeaderKind)[keyof typeof HeaderKind];

/** The lower-case field name of each kind, by its number; '' for 0. */
export const HEADER_NAMES: readonly string[] = Object.entries(HeaderKind).reduce<string[]>(
  (names, [key, kind]) => {
    names[kind] = kind === 0 ? '' : key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return names;
  },
  [],
);

const LONGEST = Math.max(...HEADER_NAMES.map((name) => name.length));
const SLOTS = 512;

/** Length, first and last-but-one letter tell the known names apart, given a fitting multiplier. */
function slotOf(length: number, first: number, lastButOne: number, multiplier: number): number {
  return (length * 37 + (first | 0x20) * multiplier + (lastButOne | 0x20) * 11) & (SLOTS - 1);
}

/** Finds a multiplier under which no two known names share a slot. Runs once; a test sees it succeed. */
function buildIndex(): { multiplier: number; slots: Uint8Array } {
  for (let multiplier = 3; multiplier < 4096; multiplier += 2) {
    const slots = new Uint8Array(SLOTS);
    const collides = HEADER_NAMES.some((name, kind) => {
      if (kind === 0) return false;
      const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 2), multiplier);
      const taken = slots[slot] !== 0;
      slots[slot] = kind;
      return taken;
    });
    if (!collides) return { multiplier, slots };
  }
  throw new Error('header-kind: two names have the same length, first and last-but-one letter');
}

const { multiplier: MULTIPLIER, slots: KIND_BY_SLOT } = buildIndex();

/** The octets of each name, `1 << ROW_SHIFT` apart: comparing with an array costs a third of comparing with a string. */
const ROW_SHIFT = 5;
const NAME_OCTETS = buildOctets();

function buildOctets(): Uint8Array {
  const octets = new Uint8Array(HEADER_NAMES.length << ROW_SHIFT);
  HEADER_NAMES.forEach((name, kind) => {
    octets.set(Buffer.from(name, 'latin1'), kind << ROW_SHIFT);
  });
  return octets;
}

/** The kind of the name in bytes [start,end), which are a token: letters match in either case. */
export function headerKind(bytes: Uint8Array, start: number, end: number): HeaderKind {
  const length = end - start;
  if (length < 2 || length > LONGEST) return HeaderKind.other;
  const slot = slotOf(length, bytes[start]!, bytes[end - 2]!, MULTIPLIER);
  const kind = KIND_BY_SLOT[slot]!;
  if (kind === 0) return HeaderKind.other;
  const row = kind << ROW_SHIFT;
  for (let i = 0; i < length; i++) {
    if ((bytes[start + i]! | 0x20) !== NAME_OCTETS[row + i]) return HeaderKind.other;
  }
  // A longer name that begins with these octets has more of them in its row.
  return NAME_OCTETS[row + length] === 0 ? (kind as HeaderKind) : HeaderKind.other;
}

/** A name to compare with: an array of octets costs a third of a string. */
export function nameOctets(lowerName: string): Uint8Array {
  return Uint8Array.from(Buffer.from(lowerName, 'latin1'));
}

/**
 * Whether bytes [start,end) are `lowerName` in any case. `lowerName` has only letters, digits and `-`: of the octets that
 * a field line may hold, `| 0x20` maps no other onto one of those.
 */
export function equalsName(bytes: Uint8Array, start: number, end: number, lowerName: Uint8Array): boolean {
  const { length } = lowerName;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if ((bytes[start + i]! | 0x20) !== lowerName[i]) return false;
  }
  return true;
}
