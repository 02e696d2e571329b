/*
 * Slow, obvious readings of RFC 9110 and 9112 to hold the codec against: regular expressions over the whole text,
 * no state.
 */

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
const FIELD_LINE = `${TCHAR}+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n`;
const CHUNK_HEAD = new RegExp(`^([0-9A-Fa-f]{1,13})((?:;${TCHAR}+(?:=(?:${TCHAR}+|${QUOTED}))?)*)\\r\\n`);
const TRAILERS = new RegExp(`^((?:${FIELD_LINE})*)\\r\\n`);
const HEAD = new RegExp(
  `^(?:\\r\\n)?(${TCHAR}+) ([\\x21-\\x7e]+) HTTP/([0-9])\\.([0-9])\\r\\n((?:${FIELD_LINE})*)\\r\\n$`,
);

export interface ModelBody {
  payload: string;
  /** The trailer lines, none dropped. */
  trailers: string;
  /** Bytes of the body with its framing. */
  bytes: number;
}

/** A whole chunked body at the start of `text`, or null when there is none (yet). Limits apart from digits are not modelled. */
export function modelChunked(text: string): ModelBody | null {
  let rest = text;
  let payload = '';
  for (;;) {
    const head = CHUNK_HEAD.exec(rest);
    if (head === null) return null;
    rest = rest.slice(head[0].length);
    const size = Number.parseInt(head[1]!, 16);
    if (size === 0) break;
    if (rest.length < size + 2 || rest.slice(size, size + 2) !== '\r\n') return null;
    payload += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  const trailers = TRAILERS.exec(rest);
  if (trailers === null) return null;
  rest = rest.slice(trailers[0].length);
  return { payload, trailers: trailers[1]!, bytes: text.length - rest.length };
}

export interface ModelRequest {
  method: string;
  target: string;
  fields: [name: string, value: string][];
  framing: 'none' | 'length' | 'chunked';
  contentLength: number;
  keepAlive: boolean;
  host: string;
}

function trim(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}

/** The request whose head is `text`, or null when it must be refused. Targets in origin-form and `*` alone; no limits. */
export function modelRequest(text: string): ModelRequest | null {
  const parts = HEAD.exec(text);
  if (parts === null) return null;
  const [, method = '', target = '', major, minor, section = ''] = parts;
  if (major !== '1') return null;
  const isHttp10 = minor === '0';
  const lines = section.split('\r\n').slice(0, -1);
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), trim(line.slice(colon + 1))];
  });
  const of = (name: string) =>
    fields.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
  const hosts = of('host');
  const lengths = of('content-length');
  const codings = of('transfer-encoding');
  const options = of('connection').flatMap((value) =>
    value.split(',').map((option) => trim(option).toLowerCase()),
  );
  const isToken = (option: string) => new RegExp(`^${TCHAR}*$`).test(option);

  if (!/^\/[\w\-.~!$&'()*+,;=:@%/[\]^|]*(\?[\w\-.~!$&'()*+,;=:@%/[\]^|?\\`{}]*)?$/.test(target)) {
    if (target !== '*' || method !== 'OPTIONS') return null;
  }
  if (hosts.length > 1 || (hosts.length === 0 && !isHttp10)) return null;
  if (!hosts.every((host) => /^[\w\-.~!$&'()*+;=]+(:0*[1-9][0-9]{0,4})?$/.test(host))) return null;
  if (hosts.some((host) => /:\d{6,}$/.test(host) || Number(host.split(':')[1] ?? 1) > 65535)) return null;
  if (lengths.length > 1 || codings.length > 1 || lengths.length + codings.length > 1) return null;
  if (lengths.length === 1 && !/^(0|[1-9][0-9]{0,15})$/.test(lengths[0]!)) return null;
  if (lengths.length === 1 && BigInt(lengths[0]!) > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  if (codings.length === 1 && (isHttp10 || codings[0]!.toLowerCase() !== 'chunked')) return null;
  if (lines.some((line) => /^(content-length|transfer-encoding):.*\t/i.test(line))) return null;
  if (!options.every(isToken)) return null;
  const expectations = of('expect');
  if (expectations.length > 1 || expectations.some((value) => value.toLowerCase() !== '100-continue'))
    return null;
  if (method === 'TRACE' && (codings.length > 0 || lengths.some((value) => value !== '0'))) return null;
  return {
    method,
    target,
    fields,
    framing: codings.length > 0 ? 'chunked' : lengths.length > 0 ? 'length' : 'none',
    contentLength: Number(lengths[0] ?? 0),
    keepAlive: !options.includes('close') && (!isHttp10 || options.includes('keep-alive')),
    host: (hosts[0] ?? '').replace(/:\d+$/, '').toLowerCase(),
  };
}
