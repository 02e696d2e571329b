import type { AccessRecord, LineFormat } from './access-record.ts';
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
  return (
    `{"time":"${rfc3339(r.timeMs)}","requestId":"${jsonText(r.requestId, MAX_TEXT.short)}"` +
    `,"clientAddress":"${addressText(r.clientAddress)}","method":"${jsonText(r.method, MAX_TEXT.short)}"` +
    `,"host":"${hostText(r.host)}","path":"${jsonText(r.path, MAX_TEXT.long)}"`
  );
}

function jsonTail(r: AccessRecord): string {
  return (
    `,"protocol":"${jsonText(r.protocol, MAX_TEXT.short)}","status":${r.status}` +
    `,"bytesIn":${r.bytesIn},"bytesOut":${r.bytesOut},"durationMs":${milliseconds(r.durationMs)}` +
    `,"upstreamMs":${r.upstreamMs < 0 ? 'null' : milliseconds(r.upstreamMs)}` +
    `${placeText(r)},"endpoint":${endpointText(r.endpoint)},"tries":${r.tries},"error":${shortOrNull(r.error)}` +
    `,"refusal":${shortOrNull(r.refusal)},"userAgent":${userAgentText(r.userAgent)},"referer":${refererText(r.referer)}` +
    `,"connectionReused":${r.connectionReused}}\n`
  );
}

/** A client's requests name the same host and the same program: the last text is remembered. */
function remembered(make: (value: string) => string): (value: string) => string {
  let last = '';
  let lastText = make(last);
  return (value) => {
    if (value !== last) {
      lastText = make(value);
      last = value;
    }
    return lastText;
  };
}

const addressText = remembered((value) => jsonText(value, MAX_TEXT.short));
const hostText = remembered((value) => jsonText(value, MAX_TEXT.short));
const endpointText = remembered(shortOrNull);
const userAgentText = remembered(shortOrNull);
const refererText = remembered((value) => longOrNull(withoutQuery(value)));

/** What {@link placeText} was asked last: the next request of a thread is often of the same rule. */
let lastRoute = '';
let lastRule = '';
let lastService = '';
let lastPlace = ',"route":null,"rule":null,"service":null';

function placeText({ route, rule, service }: AccessRecord): string {
  if (route !== lastRoute || rule !== lastRule || service !== lastService) {
    lastPlace = `,"route":${shortOrNull(route)},"rule":${shortOrNull(rule)},"service":${shortOrNull(service)}`;
    lastRoute = route;
    lastRule = rule;
    lastService = service;
  }
  return lastPlace;
}

function shortOrNull(value: string): string {
  return value === '' ? 'null' : `"${jsonText(value, MAX_TEXT.short)}"`;
}

function longOrNull(value: string): string {
  return value === '' ? 'null' : `"${jsonText(value, MAX_TEXT.long)}"`;
}
