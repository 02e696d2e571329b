import { flat } from '../lib/flat-text.ts';
import { type AccessRecord, type AccessTls, emptyAccessRecord, type LineFormat } from './access-record.ts';
import { compileTemplate } from './access-template.ts';
import { milliseconds, rfc3339, withoutQuery } from './access-values.ts';
import { jsonText, MAX_TEXT } from './escape.ts';

/** What the configuration says about the access log; see `docs/observability.md`. */
export type AccessLogFormat =
  /** `query`: log what stands after `?` too. Off unless asked for: it can hold tokens and personal data. */
  | { readonly kind: 'json'; readonly query?: boolean }
  | { readonly kind: 'template'; readonly template: string };

/** @throws Error when the template names a field that does not exist, or has a lone brace */
export function compileAccessFormat(format: AccessLogFormat): LineFormat {
  if (format.kind === 'template') return compileTemplate(format.template);
  return format.query === true ? jsonLineWithQuery : jsonLine;
}

function jsonLine(record: AccessRecord): string {
  return `${jsonHead(record)}${jsonTail(record)}`;
}

function jsonLineWithQuery(record: AccessRecord): string {
  return `${jsonHead(record)},"query":${longOrNull(record.query)}${jsonTail(record)}`;
}

function jsonHead(r: AccessRecord): string {
  return `{"time":"${rfc3339(r.timeMs)}","requestId":"${r.requestId}"${requestText(r)}`;
}

function jsonTail(r: AccessRecord): string {
  const upstreamMs = r.upstreamMs < 0 ? 'null' : milliseconds(r.upstreamMs);
  return (
    `${statusText(r)}${r.bytesIn},"bytesOut":${r.bytesOut},"durationMs":${milliseconds(r.durationMs)}` +
    `,"upstreamMs":${upstreamMs}${placeText(r)}${clientText(r)}`
  );
}

/**
 * Part of a line that is often that of the line before: the requests of a client, or of a rule, have much in common.
 * @param parts what it is made of
 * @param isSame whether both records have the same of these
 */
function remembered<K extends keyof AccessRecord>(
  parts: readonly K[],
  isSame: (r: AccessRecord, last: AccessRecord) => boolean,
  make: (r: Pick<AccessRecord, K>) => string,
): (r: AccessRecord) => string {
  const last = emptyAccessRecord();
  let text = make(last);
  let isFlat = false;
  return (r) => {
    if (!isSame(r, last)) {
      text = make(r);
      isFlat = false;
      for (const part of parts) last[part] = r[part];
    } else if (!isFlat) {
      text = flat(text);
      isFlat = true;
    }
    return text;
  };
}

const requestText = remembered(
  ['clientAddress', 'method', 'host', 'path'],
  (r, last) =>
    r.path === last.path &&
    r.clientAddress === last.clientAddress &&
    r.method === last.method &&
    r.host === last.host,
  (r) =>
    `,"clientAddress":"${jsonText(r.clientAddress, MAX_TEXT.short)}","method":"${jsonText(r.method, MAX_TEXT.short)}"` +
    `,"host":"${jsonText(r.host, MAX_TEXT.short)}","path":"${jsonText(r.path, MAX_TEXT.long)}"`,
);

const statusText = remembered(
  ['protocol', 'status'],
  (r, last) => r.status === last.status && r.protocol === last.protocol,
  (r) => `,"protocol":"${jsonText(r.protocol, MAX_TEXT.short)}","status":${r.status},"bytesIn":`,
);

const placeText = remembered(
  ['route', 'rule', 'service', 'endpoint', 'tries', 'error', 'refusal'],
  (r, last) =>
    r.route === last.route &&
    r.rule === last.rule &&
    r.service === last.service &&
    r.endpoint === last.endpoint &&
    r.tries === last.tries &&
    r.error === last.error &&
    r.refusal === last.refusal,
  (r) =>
    `,"route":${shortOrNull(r.route)},"rule":${shortOrNull(r.rule)},"service":${shortOrNull(r.service)}` +
    `,"endpoint":${shortOrNull(r.endpoint)},"tries":${r.tries},"error":${shortOrNull(r.error)},"refusal":${shortOrNull(r.refusal)}`,
);

const clientText = remembered(
  ['userAgent', 'referer', 'connectionReused', 'tls'],
  (r, last) =>
    r.userAgent === last.userAgent &&
    r.referer === last.referer &&
    r.connectionReused === last.connectionReused &&
    r.tls === last.tls,
  (r) =>
    `,"userAgent":${shortOrNull(r.userAgent)},"referer":${longOrNull(withoutQuery(r.referer))}` +
    `,"connectionReused":${r.connectionReused},"tls":${tlsText(r.tls)}}\n`,
);

function tlsText(tls: AccessTls | null): string {
  if (tls === null) return 'null';
  const { version, cipher, serverName } = tls;
  return `{"version":${shortOrNull(version)},"cipher":${shortOrNull(cipher)},"serverName":${shortOrNull(serverName)}}`;
}

function shortOrNull(value: string): string {
  return value === '' ? 'null' : `"${jsonText(value, MAX_TEXT.short)}"`;
}

function longOrNull(value: string): string {
  return value === '' ? 'null' : `"${jsonText(value, MAX_TEXT.long)}"`;
}
