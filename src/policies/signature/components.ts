import {
  dictionaryText,
  type InnerList,
  type Item,
  listText,
  memberText,
  type Parameters,
} from '../../lib/structured-fields/model.ts';
import { parseDictionary, parseItem, parseList } from '../../lib/structured-fields/parse.ts';

/** A request as its client sent it: what a signature covers. */
export interface SignedMessage {
  readonly method: string;
  readonly scheme: string;
  /** Lower case, without the scheme's own port. */
  readonly authority: string;
  /** The request target, as sent. */
  readonly target: string;
  /** Of the target, as sent and not decoded. */
  readonly path: string;
  /** After `?`, as sent; empty when there is none. */
  readonly query: string;
  /** One entry a line; the name in lower case. */
  headerLines(name: string): readonly string[];
}

/** A covered component that the message has not, or that can't be part of a signature of a request. */
export class ComponentError extends Error {}

/**
 * What the signer signed (RFC 9421 section 2.5).
 * @throws ComponentError, StructuredFieldError
 */
export function signatureBase(input: InnerList, message: SignedMessage): string {
  let base = '';
  const seen = new Set<string>();
  for (const item of input.items) {
    const identifier = memberText(item);
    if (seen.has(identifier)) throw new ComponentError(`${identifier} is covered twice`);
    seen.add(identifier);
    base += `${identifier}: ${componentValue(item, message)}\n`;
  }
  return `${base}"@signature-params": ${memberText(input)}`;
}

function componentValue({ bare, params }: Item, message: SignedMessage): string {
  if (bare.kind !== 'string') throw new ComponentError(`${bare.text} is no name of a component`);
  const name = bare.value;
  if (name.startsWith('@')) return derivedValue(name, params, message);
  if (name !== name.toLowerCase()) throw new ComponentError(`${name} must be written in lower case`);
  const value = fieldValue(name, params, message.headerLines(name));
  // Lines of the base are told apart by line feeds, and it is ASCII (section 2.5).
  if (!/^[\t -~]*$/.test(value)) throw new ComponentError(`${name} is not plain ASCII; sign it with ;bs`);
  return value;
}

/** Section 2.2. */
function derivedValue(name: string, params: Parameters, message: SignedMessage): string {
  if (name === '@query-param') return queryParam(params, message.query);
  // `;req` is for signatures of answers; nothing else is defined for these.
  if (params.size > 0) throw new ComponentError(`${name} takes no parameters in a request`);
  switch (name) {
    case '@method':
      return message.method;
    case '@target-uri':
      return targetUri(message);
    case '@authority':
      return message.authority;
    case '@scheme':
      return message.scheme;
    case '@request-target':
      return message.target;
    case '@path':
      return message.path;
    case '@query':
      return `?${message.query}`;
    default:
      throw new ComponentError(`${name} is no component of a request`);
  }
}

function targetUri({ target, scheme, authority }: SignedMessage): string {
  return target.startsWith('/') ? `${scheme}://${authority}${target}` : target;
}

/** Section 2.2.8: name and value are compared in one form of percent-encoding, whichever the sender used. */
function queryParam(params: Parameters, query: string): string {
  const name = params.get('name');
  if (params.size !== 1 || name?.kind !== 'string') throw new ComponentError('@query-param needs ;name');
  let found: string | null = null;
  for (const [key, value] of new URLSearchParams(query)) {
    if (percentEncode(key) !== name.value) continue;
    if (found !== null) throw new ComponentError(`the query parameter ${name.value} comes twice`);
    found = percentEncode(value);
  }
  if (found === null) throw new ComponentError(`there is no query parameter ${name.value}`);
  return found;
}

/** `application/x-www-form-urlencoded` percent-encode set of the URL standard, with spaces as `%20`. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Section 2.1. */
function fieldValue(name: string, params: Parameters, lines: readonly string[]): string {
  const flags = [...params.keys()].filter((key) => key !== 'key').join();
  const key = params.get('key');
  if (lines.length === 0) throw new ComponentError(`there is no header ${name}`);
  if (key !== undefined && flags === '') return memberOf(name, key.kind === 'string' ? key.value : '', lines);
  if (key !== undefined || (flags !== '' && params.get(flags)?.value !== true)) {
    throw new ComponentError(`the parameters of ${name} do not fit a request`);
  }
  switch (flags) {
    case '':
      return lines.join(', ');
    case 'bs':
      return lines.map((line) => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ');
    case 'sf':
      return strictText(name, lines.join(', '));
    default:
      throw new ComponentError(`the parameters of ${name} do not fit a request`);
  }
}

function memberOf(name: string, key: string, lines: readonly string[]): string {
  const member = parseDictionary(lines.join(', ')).get(key);
  if (member === undefined) throw new ComponentError(`the header ${name} has no member ${key}`);
  return memberText(member);
}

/** Registered fields whose type of structure we know; `;sf` of any other can't be verified (section 2.1.1). */
const DICTIONARIES = new Set([
  'accept-signature',
  'cdn-cache-control',
  'content-digest',
  'priority',
  'repr-digest',
  'signature',
  'signature-input',
  'want-content-digest',
  'want-repr-digest',
]);
const LISTS = new Set(['accept-ch', 'cache-status', 'client-cert-chain', 'proxy-status']);
const ITEMS = new Set(['client-cert', 'sec-gpc']);

function strictText(name: string, value: string): string {
  if (DICTIONARIES.has(name)) return dictionaryText(parseDictionary(value));
  if (LISTS.has(name)) return listText(parseList(value));
  if (ITEMS.has(name)) return memberText(parseItem(value));
  throw new ComponentError(`the structure of ${name} is not known; sign it without ;sf`);
}
