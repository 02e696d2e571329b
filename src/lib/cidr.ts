/**
 * Addresses as four 32-bit words. An IPv4 address is held as its IPv4-mapped IPv6 address (RFC 4291
 * section 2.5.5.2), so that `10.0.0.1` and `::ffff:10.0.0.1` are one and the same.
 */
export interface Cidr {
  readonly family: 4 | 6;
  /** First and last address of the block. */
  readonly first: Words;
  readonly last: Words;
}

type Words = readonly [number, number, number, number];

const MAPPED = 0xffff;

/** Filled by {@link parseAddress}: one look-up reads it before the next begins, so nothing is allocated. */
const scratch = new Uint32Array(4);

/** A test of addresses against a set of blocks. What is not an IP address is in no block. */
export type AddressMatcher = (address: string) => boolean;

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or a single address. Bits past the prefix are ignored. A block
 * inside `::ffff:0:0/96` is an IPv4 block; a wider IPv6 block, also `::/0`, takes no IPv4 address.
 * @throws Error that says what is wrong with the block.
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const dotted = !address.includes(':');
  if (address.includes('%') || !parseAddress(address)) {
    throw new Error(`${JSON.stringify(text)} is not a CIDR block such as 10.0.0.0/8 or 2001:db8::/32`);
  }
  const words: Words = [scratch[0]!, scratch[1]!, scratch[2]!, scratch[3]!];
  const width = dotted ? 32 : 128;
  const written = slash === -1 ? width : prefixLength(text.slice(slash + 1), width, text);
  const bits = dotted ? written + 96 : written;
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === MAPPED && bits >= 96;
  return {
    family: mapped ? 4 : 6,
    first: eachWord((i) => (words[i]! & wordMask(bits, i)) >>> 0),
    last: eachWord((i) => (words[i]! | ~wordMask(bits, i)) >>> 0),
  };
}

/**
 * The first bits of an address as text that is the same for all addresses of one block; null when it is no address.
 * IPv4-mapped IPv6 addresses are IPv4 addresses.
 */
export function addressBlock(address: string, bits4: number, bits6: number): string | null {
  if (!parseAddress(address)) return null;
  const mapped = scratch[0] === 0 && scratch[1] === 0 && scratch[2] === MAPPED;
  if (mapped) return `4:${((scratch[3]! & wordMask(bits4, 0)) >>> 0).toString(16)}`;
  const words = [0, 1, 2, 3].map((i) => ((scratch[i]! & wordMask(bits6, i)) >>> 0).toString(16));
  return `6:${words.join(':')}`;
}

function prefixLength(text: string, width: number, block: string): number {
  const bits = /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Number.NaN;
  if (bits >= 0 && bits <= width) return bits;
  throw new Error(`${JSON.stringify(block)}: the prefix length must be a number from 0 to ${width}`);
}

function wordMask(bits: number, word: number): number {
  const inWord = Math.min(32, Math.max(0, bits - 32 * word));
  return inWord === 0 ? 0 : (-1 << (32 - inWord)) >>> 0;
}

function eachWord(of: (index: number) => number): Words {
  return [of(0), of(1), of(2), of(3)];
}

/**
 * Compiles blocks into one test: merged ranges, found by binary search.
 * @throws Error as {@link parseCidr}.
 */
export function matcher(blocks: readonly string[]): AddressMatcher {
  const parsed = blocks.map(parseCidr);
  const ranges4 = mergeRanges(parsed.filter((block) => block.family === 4));
  const ranges6 = mergeRanges(parsed.filter((block) => block.family === 6));
  return function inBlocks(address) {
    if (!parseAddress(address)) return false;
    const mapped = scratch[0] === 0 && scratch[1] === 0 && scratch[2] === MAPPED;
    return contains(mapped ? ranges4 : ranges6);
  };
}

/** Disjoint ranges in ascending order, eight words each: first and last address. */
function mergeRanges(blocks: readonly Cidr[]): Uint32Array {
  const sorted = blocks.toSorted((a, b) => compareWords(a.first, b.first) || compareWords(b.last, a.last));
  const kept: Cidr[] = [];
  for (const block of sorted) {
    // Blocks are nested or disjoint, never partly overlapping.
    const previous = kept.at(-1);
    if (previous === undefined || compareWords(block.last, previous.last) > 0) kept.push(block);
  }
  return Uint32Array.from(kept.flatMap((block) => [...block.first, ...block.last]));
}

function compareWords(a: Words, b: Words): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}

/** The address in `scratch` lies in one of the ranges. */
function contains(ranges: Uint32Array): boolean {
  let low = 0;
  let high = ranges.length >> 3;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareScratch(ranges, middle * 8) < 0) high = middle;
    else low = middle + 1;
  }
  return low > 0 && compareScratch(ranges, (low - 1) * 8 + 4) <= 0;
}

function compareScratch(ranges: Uint32Array, at: number): number {
  for (let i = 0; i < 4; i++) {
    const order = scratch[i]! - ranges[at + i]!;
    if (order !== 0) return order;
  }
  return 0;
}

/** Reads an address into `scratch`; a zone (`%eth0`) is left out. False when it is none. */
function parseAddress(text: string): boolean {
  const zone = text.indexOf('%');
  const end = zone === -1 ? text.length : zone;
  if (text.indexOf(':') === -1) {
    if (zone !== -1) return false;
    const value = parseIpv4(text, 0, end);
    if (value === -1) return false;
    scratch[0] = 0;
    scratch[1] = 0;
    scratch[2] = MAPPED;
    scratch[3] = value;
    return true;
  }
  return parseIpv6(text, end);
}

/** Four decimal numbers without leading zeros (`010` is octal to some readers); -1 when it is none. */
function parseIpv4(text: string, start: number, end: number): number {
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (part === -1 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
    } else {
      if (code < 48 || code > 57 || part === 0) return -1;
      part = part === -1 ? code - 48 : part * 10 + code - 48;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part !== -1 ? value * 256 + part : -1;
}

const groups = new Uint16Array(8);

/** RFC 4291 section 2.2: groups of hexadecimal digits, one `::`, IPv4 in the last two groups. */
function parseIpv6(text: string, end: number): boolean {
  let count = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < end) {
    if (count === 8) return false;
    let stop = text.indexOf(':', i);
    if (stop === -1 || stop > end) stop = end;
    if (stop === end && text.indexOf('.', i) !== -1 && text.indexOf('.', i) < end) {
      const low = parseIpv4(text, i, end);
      if (low === -1 || count > 6) return false;
      groups[count++] = low >>> 16;
      groups[count++] = low & 0xffff;
      break;
    }
    const group = parseHex(text, i, stop);
    if (group === -1) return false;
    groups[count++] = group;
    if (stop === end) break;
    i = stop + 1;
    if (i === end) return false;
    if (text.charCodeAt(i) === 58) {
      if (gap !== -1) return false;
      gap = count;
      i++;
    }
  }
  return spread(count, gap);
}

function parseHex(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const letter = code | 0x20;
    if (code >= 48 && code <= 57) value = value * 16 + code - 48;
    else if (letter >= 97 && letter <= 102) value = value * 16 + letter - 87;
    else return -1;
  }
  return value;
}

/** Puts the groups into `scratch`, with zeros where the `::` stood. */
function spread(count: number, gap: number): boolean {
  if (gap === -1 ? count !== 8 : count > 7) return false;
  const zeros = 8 - count;
  for (let word = 0; word < 4; word++) {
    scratch[word] = (groupAt(2 * word, gap, zeros) * 0x10000 + groupAt(2 * word + 1, gap, zeros)) >>> 0;
  }
  return true;
}

function groupAt(index: number, gap: number, zeros: number): number {
  if (gap === -1 || index < gap) return groups[index]!;
  return index < gap + zeros ? 0 : groups[index - zeros]!;
}
