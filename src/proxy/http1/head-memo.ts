const SLOTS = 256;
/** Longer ones are rarely sent again, and take longer to compare. */
const MAX_BYTES = 2048;
const FIRST_PATIENCE = 2;
const MAX_PATIENCE = 1024;
/** An entry with fewer hits was not worth its making. */
const WORTH_HITS = 8;

interface Entry<T> {
  readonly words: Int32Array;
  readonly octets: Uint8Array;
  readonly value: T;
  hits: number;
}

let viewedBuffer: ArrayBufferLike | null = null;
let view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));

/** Of the buffer that `bytes` lie in, from its beginning. Nearly always that of the thread's read buffer. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes.buffer !== viewedBuffer) {
    viewedBuffer = bytes.buffer;
    view = new DataView(bytes.buffer);
  }
  return view;
}

/**
 * Remembers what was made of bytes that come again and again: a client sends the same header lines with every
 * request, and a backend with many of its answers (HPACK lives on it, RFC 7541 section 1.3). Values are shared by all
 * who find them, so they must not change.
 *
 * Bytes are the same only when every one of them is. What is remembered takes the place of something older; bytes
 * are remembered the second time that they seem to come, later where that did not pay, so that
 * traffic that never repeats itself costs a hash and nothing else.
 */
export class HeadMemo<T> {
  readonly #entries: (Entry<T> | null)[] = new Array<Entry<T> | null>(SLOTS).fill(null);
  readonly #misses = new Uint16Array(SLOTS);
  readonly #patience = new Uint16Array(SLOTS).fill(FIRST_PATIENCE);
  /** Of the last `find`. */
  #slot = 0;

  /** What was made of bytes [start,end), or null. After null, {@link offer} may follow. */
  find(bytes: Uint8Array, start: number, end: number): T | null {
    const length = end - start;
    if (length < 8 || length > MAX_BYTES) {
      this.#slot = -1;
      return null;
    }
    const data = viewOf(bytes);
    const base = bytes.byteOffset + start;
    const slot = slotOf(data, base, length);
    const entry = this.#entries[slot]!;
    if (entry !== null && equals(entry, data, base, length)) {
      entry.hits++;
      return entry.value;
    }
    this.#slot = slot;
    return null;
  }

  /** Whether what is made of the bytes that `find` did not find should be given to `keep`. */
  get wants(): boolean {
    const slot = this.#slot;
    if (slot === -1) return false;
    return ++this.#misses[slot]! >= this.#patience[slot]!;
  }

  /** @param value of the bytes last looked for; from now on it must not change. */
  keep(bytes: Uint8Array, start: number, end: number, value: T): void {
    const slot = this.#slot;
    const before = this.#entries[slot]!;
    if (before !== null && before.hits < WORTH_HITS) {
      this.#patience[slot] = Math.min(this.#patience[slot]! * 2, MAX_PATIENCE);
    } else {
      this.#patience[slot] = FIRST_PATIENCE;
    }
    this.#misses[slot] = 0;
    const padded = new ArrayBuffer((end - start + 3) & ~3);
    const octets = new Uint8Array(padded, 0, end - start);
    octets.set(bytes.subarray(start, end));
    this.#entries[slot] = { words: new Int32Array(padded), octets, value, hits: 0 };
  }
}

/** Made of the length and of five samples. */
function slotOf(data: DataView, base: number, length: number): number {
  const last = base + length - 8;
  const step = (length - 8) >> 2;
  let hash = Math.imul(length, 0x9e3779b1) ^ data.getInt32(base, true);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) ^ data.getInt32(base + step, true);
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) ^ data.getInt32(base + 2 * step, true);
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) ^ data.getInt32(base + 3 * step, true);
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) ^ data.getInt32(last, true);
  return (Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35) >>> 16) & (SLOTS - 1);
}

function equals<T>({ words, octets }: Entry<T>, data: DataView, base: number, length: number): boolean {
  if (octets.length !== length) return false;
  const whole = length >> 2;
  for (let i = 0; i < whole; i++) {
    if (data.getInt32(base + (i << 2), LITTLE_ENDIAN) !== words[i]) return false;
  }
  for (let i = whole << 2; i < length; i++) {
    if (data.getUint8(base + i) !== octets[i]) return false;
  }
  return true;
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
