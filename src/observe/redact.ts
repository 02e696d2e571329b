/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/** Longer texts are cut: a log line is no place for them, and every pattern below stays cheap. */
const MAX_CHARS = 16_384;
const MAX_DEPTH = 8;
const MAX_ITEMS = 100;

const SENSITIVE =
  /passw(or)?d|passphrase|secret|token|authorization|cookie|credential|api[-_]?key|private[-_]?key|signature|session/i;
/** Names that only look like it: references and the fields of a rate limit. */
const HARMLESS = /(ref|refs|name|names|bucket|count|limit|missing|expired)$/i;

/** Whether a field, header or parameter of this name holds a secret as its value. */
export function isSensitiveName(name: string): boolean {
  return SENSITIVE.test(name) && !HARMLESS.test(name);
}

const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g, REDACTED],
  // A digit, capital or sign of encoding tells a credential from a word ("basic checks").
  [
    /\b([Bb]earer|BEARER|[Bb]asic|BASIC|[Dd]igest|[Nn]egotiate)\s+(?=[^\s"',]*[\dA-Z=_.-])[^\s"',]{4,}/g,
    `$1 ${REDACTED}`,
  ],
  [/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#]*@/gi, `$1${REDACTED}@`],
  [
    /\b((?:access_token|refresh_token|id_token|token|api[-_]?key|client_secret|secret|passw(?:or)?d|signature|sig|code)=)[^&\s"'#;,]+/gi,
    `$1${REDACTED}`,
  ],
  [/("[^"\s]{0,40}(?:passw(?:or)?d|secret|token|api[-_]?key)"\s*:\s*")[^"]*/gi, `$1${REDACTED}`],
];

/** The text without what looks like a credential: user info in URLs, bearer tokens, private keys and so on. */
export function redactText(text: string): string {
  let redacted = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}...` : text;
  for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

/** A copy that can be printed: values under sensitive names are gone, texts went through {@link redactText}. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date || value instanceof URL)
    return redactText(String(value instanceof Date ? value.toJSON() : value));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Set) return redact([...value], depth);
  if (value instanceof Map) return redactEntries(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1));
  return redactEntries(Object.entries(value), depth);
}

function redactEntries(entries: Iterable<[unknown, unknown]>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  let count = 0;
  for (const [key, value] of entries) {
    if (count === MAX_ITEMS) break;
    const name = typeof key === 'object' ? '[object]' : redactText(String(key));
    const printed =
      isSensitiveName(name) && value !== null && value !== undefined ? REDACTED : redact(value, depth + 1);
    Object.defineProperty(copy, name, {
      value: printed,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    count += 1;
  }
  return copy;
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const rest = redactEntries(Object.entries(error), depth);
  return {
    type: name,
    message: redactText(message),
    stack: redactText(stack ?? ''),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
    ...rest,
  };
}
