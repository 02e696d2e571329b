import { isIP } from 'node:net';
import { CommandError, EXIT } from '../../app/exit-code.ts';
import type { GatewaySettings, ListenerIr } from '../../ir/settings.ts';
import { matcher } from '../../lib/cidr.ts';
import { normalizePath, pathRefusal } from '../../lib/path.ts';
import { RequestView } from '../../proxy/exchange/request-view.ts';
import { clientAddressOf } from '../../proxy/forward/identity.ts';
import { HeadScanner } from '../../proxy/http1/head-scanner.ts';
import { RefusalCode, refusalMessage, refusalOf, refusalStatus } from '../../proxy/http1/refusal.ts';
import { parseRequestHead } from '../../proxy/http1/request-head.ts';

/** What the gateway would answer before it looks for a route. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export interface ParsedRequest {
  readonly view: RequestView;
  /** Path as it was sent. */
  readonly receivedPath: string;
  readonly refusal: Refusal | null;
}

export interface RequestArguments {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly client: string;
  readonly listener: string | null;
}

/** Taken apart by hand: `URL` would normalise what is to be shown as it is. */
const URL_PARTS = /^(?:https?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?/i;

/**
 * Reads a request as a data-plane thread does, from the bytes that a client would send.
 * @throws CommandError when the arguments make no request.
 */
export function parseRequest(request: RequestArguments, settings: GatewaySettings): ParsedRequest {
  const [, authority, path, query] = URL_PARTS.exec(request.url) ?? [];
  const lines = [...request.headers];
  const named = lines.some((line) => /^host\s*:/i.test(line));
  if (!named && authority === undefined) {
    throw new CommandError(
      EXIT.usage,
      `error: "${request.url}" names no host: write a whole URL, or add -H 'Host: name'`,
    );
  }
  if (isIP(request.client) === 0)
    throw new CommandError(EXIT.usage, `error: --client "${request.client}" is not an IP address`);
  if (!named) lines.unshift(`Host: ${authority}`);
  const target = `${path || '/'}${query ?? ''}`;
  const raw = Buffer.from(`${request.method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`).toString(
    'latin1',
  );
  const view = new RequestView();
  const refusal = readHead(raw, view, settings) ?? settle(view, request, settings);
  return { view, receivedPath: path || '/', refusal };
}

function readHead(raw: string, view: RequestView, settings: GatewaySettings): Refusal | null {
  const bytes = Buffer.from(raw, 'latin1');
  const past = new HeadScanner(settings.limits.maxHeadBytes).scan(bytes, 0, bytes.length);
  const code = past < 0 ? refusalOf(past) : parseRequestHead(raw, view.head, settings.limits);
  return code === RefusalCode.OK ? null : { status: refusalStatus(code), reason: refusalMessage(code) };
}

/** What comes between the head and the router; as `resolveRequest` of the data plane. */
function settle(view: RequestView, request: RequestArguments, settings: GatewaySettings): Refusal | null {
  const { head } = view;
  const isTrusted = matcher(settings.trustedProxies);
  const client = isTrusted(request.client)
    ? clientAddressOf(head.fields, request.client, isTrusted, (text) => isIP(text) !== 0)
    : request.client;
  const path = head.targetForm === 'asterisk' ? '*' : normalizePath(head.path);
  const { name, transport } = chooseListener(request, head.port, settings);
  view.begin(name, client, path ?? '/');
  view.scheme = transport.kind === 'tls' ? 'https' : 'http';
  if (settings.refusedMethods.includes(head.method) || head.targetForm === 'authority') {
    return { status: 405, reason: `the method ${head.method} is not allowed (refusedMethods)` };
  }
  return path === null ? { status: 400, reason: pathRefusal(head.path)?.reason ?? '' } : null;
}

/** The one that is named; else that of the URL's port, for a gateway may have another one in front; else that of its scheme. */
function chooseListener(
  { listener: named, url }: RequestArguments,
  port: number,
  { listeners }: GatewaySettings,
): ListenerIr {
  const kind = /^https:/i.test(url) ? 'tls' : 'plain';
  const found =
    named === null
      ? (listeners.find((listener) => listener.port === port) ??
        listeners.find((listener) => listener.transport.kind === kind) ??
        listeners[0])
      : listeners.find((listener) => listener.name === named);
  if (found !== undefined) return found;
  const names = listeners.map((listener) => listener.name).join(', ');
  throw new CommandError(EXIT.usage, `error: there is no listener "${named}" (use one of: ${names})`);
}
