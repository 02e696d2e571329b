const SUFFIX_FACTOR: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['k', 1000n],
  ['M', 1000n ** 2n],
  ['G', 1000n ** 3n],
  ['T', 1000n ** 4n],
  ['P', 1000n ** 5n],
  ['E', 1000n ** 6n],
  ['Ki', 1024n],
  ['Mi', 1024n ** 2n],
  ['Gi', 1024n ** 3n],
  ['Ti', 1024n ** 4n],
  ['Pi', 1024n ** 5n],
  ['Ei', 1024n ** 6n],
]);
const QUANTITY = /^([0-9]{1,18})(?:\.([0-9]{1,9}))?([KMGTPE]i|[kMGTPE])?$/;

/**
 * Bytes of a Kubernetes quantity: `512`, `64Ki`, `1.5Mi`, `2G`. Fractions of a byte round up, as Kubernetes
 * does. Exponents, signs and parts of a unit (`m`, `u`, `n`) make no sense for sizes and are refused.
 * @throws RangeError when the text is not a size, or is 2^53 bytes or more.
 */
export function parseQuantity(value: string | number): number {
  const parts = QUANTITY.exec(String(value));
  if (parts === null) {
    throw new RangeError(`"${value}" is not a size; write it like 512, 64Ki, 1.5Mi or 2G`);
  }
  const fraction = parts[2] ?? '';
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(parts[1]! + fraction) * SUFFIX_FACTOR.get(parts[3] ?? '')!;
  const bytes = (scaled + scale - 1n) / scale;
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is too large for a size`);
  return Number(bytes);
}
