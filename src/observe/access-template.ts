import type { AccessRecord, LineFormat } from './access-record.ts';
import { commonTime, milliseconds, rfc3339, withoutQuery } from './access-values.ts';
import { MAX_TEXT, plainText } from './escape.ts';

type FieldFormat = (record: AccessRecord) => string;

/** Every field that a template can name. */
const FIELDS: Readonly<Record<string, FieldFormat>> = {
  time: (r) => rfc3339(r.timeMs),
  commonTime: (r) => commonTime(r.timeMs),
  requestId: (r) => plainText(r.requestId, MAX_TEXT.short),
  clientAddress: (r) => plainText(r.clientAddress, MAX_TEXT.short),
  method: (r) => plainText(r.method, MAX_TEXT.short),
  host: (r) => plainText(r.host, MAX_TEXT.short),
  path: (r) => plainText(r.path, MAX_TEXT.long),
  query: (r) => plainText(r.query, MAX_TEXT.long),
  protocol: (r) => plainText(r.protocol, MAX_TEXT.short),
  status: (r) => String(r.status),
  bytesIn: (r) => String(r.bytesIn),
  bytesOut: (r) => String(r.bytesOut),
  durationMs: (r) => milliseconds(r.durationMs),
  upstreamMs: (r) => (r.upstreamMs < 0 ? '-' : milliseconds(r.upstreamMs)),
  route: (r) => plainText(r.route, MAX_TEXT.short),
  rule: (r) => plainText(r.rule, MAX_TEXT.short),
  service: (r) => plainText(r.service, MAX_TEXT.short),
  endpoint: (r) => plainText(r.endpoint, MAX_TEXT.short),
  tries: (r) => String(r.tries),
  error: (r) => plainText(r.error, MAX_TEXT.short),
  refusal: (r) => plainText(r.refusal, MAX_TEXT.short),
  userAgent: (r) => plainText(r.userAgent, MAX_TEXT.short),
  referer: (r) => plainText(withoutQuery(r.referer), MAX_TEXT.long),
  connectionReused: (r) => (r.connectionReused ? 'true' : 'false'),
  tlsVersion: (r) => plainText(r.tls?.version ?? '', MAX_TEXT.short),
  tlsCipher: (r) => plainText(r.tls?.cipher ?? '', MAX_TEXT.short),
  tlsServerName: (r) => plainText(r.tls?.serverName ?? '', MAX_TEXT.short),
};

/** `{{` and `}}` stand for braces; anything else in braces is a field; a brace left over is a mistake. */
const TOKEN = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/**
 * Turns `{clientAddress} "{method} {path}" {status}` into a function that writes such a line.
 * @throws Error naming the unknown field, or the place of a lone brace
 */
export function compileTemplate(template: string): LineFormat {
  const literals: string[] = [];
  const fields: FieldFormat[] = [];
  let literal = '';
  let end = 0;
  for (const match of template.matchAll(TOKEN)) {
    literal += template.slice(end, match.index);
    end = match.index + match[0].length;
    const name = match[1];
    if (match[0] === '{{') literal += '{';
    else if (match[0] === '}}') literal += '}';
    else if (name === undefined) throw new Error(loneBrace(match[0], match.index));
    else {
      literals.push(asciiLiteral(literal));
      literal = '';
      fields.push(fieldNamed(name));
    }
  }
  const last = `${asciiLiteral(literal + template.slice(end))}\n`;
  return function templateLine(record) {
    let line = '';
    for (let i = 0; i < fields.length; i += 1) line += literals[i]! + fields[i]!(record);
    return line + last;
  };
}

function fieldNamed(name: string): FieldFormat {
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  if (field !== undefined) return field;
  const known = Object.keys(FIELDS).join(', ');
  throw new Error(`access log template: there is no field {${name}}; the fields are ${known}`);
}

function loneBrace(brace: string, index: number): string {
  return `access log template: '${brace}' at character ${index + 1} belongs to no field; write '${brace}${brace}' for the character itself`;
}

/** Lines are ASCII and end where the format ends: tabs stay, other controls and non-ASCII are escaped. */
function asciiLiteral(text: string): string {
  return text
    .split(/([\t"\\])/)
    .map((part) =>
      part === '\t' || part === '"' || part === '\\' || part === '' ? part : plainText(part, part.length),
    )
    .join('');
}
