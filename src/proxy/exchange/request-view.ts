import type { MatchInput } from '../../compile/table.ts';
import { cookieValue } from '../../lib/cookie-text.ts';
import { normalizePath } from '../../lib/path.ts';
import { queryValue } from '../../lib/query-text.ts';
import type { MessageBody } from '../../pipeline/body.ts';
import type { RequestFields } from '../../pipeline/exchange.ts';
import { HeaderView } from '../header-view.ts';
import { RequestHead } from '../http1/request-head.ts';
import { peekClaims } from './claims.ts';

/** The request of an exchange: what the router asks and what policies read and edit. */
export class RequestView extends HeaderView implements RequestFields, MatchInput {
  readonly head = new RequestHead();
  /** Of the listener, whatever an absolute target says. */
  scheme: 'http' | 'https' = 'http';
  listener = '';
  clientAddress = '';
  /** Without the dot that may end an absolute domain name (RFC 1034 section 3.1): it is the same host. */
  host = '';
  path = '';
  query = '';
  /** Set by the exchange. */
  body!: MessageBody;
  #claims: ReadonlyMap<string, unknown> | null | undefined;

  /** After `head` was parsed. */
  begin(listener: string, clientAddress: string, path: string): void {
    this.useFields(this.head.fields);
    this.listener = listener;
    this.clientAddress = clientAddress;
    const { host, query } = this.head;
    this.host = host.endsWith('.') ? host.slice(0, -1) : host;
    this.path = path;
    this.query = query;
    this.#claims = undefined;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get protocol(): string {
    return this.head.minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  }

  queryParam(name: string): string | null {
    return queryValue(this.query, name);
  }

  cookie(name: string): string | null {
    for (const line of this.headerLines('cookie')) {
      const value = cookieValue(line, name);
      if (value !== null) return value;
    }
    return null;
  }

  claim(name: string): unknown {
    if (this.#claims === undefined) this.#claims = peekClaims(this.header('authorization'));
    return this.#claims?.get(name);
  }

  setPath(path: string): void {
    const normal = normalizePath(path);
    if (normal === null) throw new TypeError(`not a path that can be sent: ${JSON.stringify(path)}`);
    this.path = normal;
  }

  setQuery(query: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what would end the request line
    if (/[\x00-\x20#\x7f-\uffff]/.test(query)) throw new TypeError('not a query that can be sent');
    this.query = query;
  }
}
