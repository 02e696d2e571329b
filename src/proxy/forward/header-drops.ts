import { flat } from '../../lib/flat-text.ts';
import type { HeaderView } from '../header-view.ts';
import { listsName } from '../http1/connection.ts';
import type { Fields } from '../http1/fields.ts';
import { HeaderKind } from '../http1/header-kind.ts';

/** By header kind: 1 when lines of that kind are not passed on. */
export type Drops = Uint8Array;

export function dropsOf(kinds: readonly HeaderKind[]): Drops {
  const drops = new Uint8Array(256);
  for (const kind of kinds) drops[kind] = 1;
  return drops;
}

/** Fields of one hop only (RFC 9110 section 7.6.1); the writer adds ours. */
export const HOP_BY_HOP: readonly HeaderKind[] = [
  HeaderKind.connection,
  HeaderKind.keepAlive,
  HeaderKind.proxyConnection,
  HeaderKind.te,
  HeaderKind.transferEncoding,
  HeaderKind.upgrade,
  HeaderKind.http2Settings,
];

const UNDERSCORE = 0x5f;

/** CGI and its heirs read `X_User` as `X-User`, so such a name could pose as one that the gateway vouches for. */
function hasUnderscore(fields: Fields, index: number): boolean {
  const end = fields.nameEnd[index]!;
  for (let at = fields.nameStart[index]!; at < end; at++) {
    if (fields.raw.charCodeAt(at) === UNDERSCORE) return true;
  }
  return false;
}

export interface CopyRules {
  readonly drops: Drops;
  /** Also drop names with an underscore. */
  readonly dropUnderscores: boolean;
}

/**
 * The lines of `fields` that pass, as text: runs of untouched lines are one slice each.
 * @param connectionTokens names that Connection listed: they go too
 * @param edits names that policies removed or replaced
 */
export function copyLines(
  fields: Fields,
  rules: CopyRules,
  connectionTokens: string,
  edits: HeaderView | null,
): string {
  const { derived } = fields;
  const touching = edits === null || edits.removed === null ? null : edits;
  if (derived === null || connectionTokens !== '') {
    return passingLines(fields, rules, connectionTokens, touching);
  }
  const without = touching === null ? null : touching.removed;
  if (derived.rules !== rules || !sameNames(derived.without, without)) {
    derived.text = flat(passingLines(fields, rules, '', touching));
    derived.rules = rules;
    // The list goes on growing with its message's edits.
    derived.without = without === null ? null : [...without];
  }
  return derived.text;
}

function sameNames(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function passingLines(
  fields: Fields,
  rules: CopyRules,
  connectionTokens: string,
  edits: HeaderView | null,
): string {
  const { raw, count, kind } = fields;
  const byName = connectionTokens !== '' || edits !== null;
  let text = '';
  let runStart = -1;
  for (let i = 0; i < count; i++) {
    const k = kind[i]!;
    const drop =
      rules.drops[k] === 1 ||
      (rules.dropUnderscores && k === HeaderKind.other && hasUnderscore(fields, i)) ||
      (byName && isNamed(fields, i, connectionTokens, edits));
    if (drop) {
      if (runStart >= 0) text += raw.slice(runStart, fields.lineStart(i));
      runStart = -1;
    } else if (runStart < 0) {
      runStart = fields.lineStart(i);
    }
  }
  return runStart < 0 ? text : text + raw.slice(runStart, fields.lineEnd(count - 1));
}

/** Connection can't take away what says where the message goes or where it ends. */
function isNamed(fields: Fields, index: number, connectionTokens: string, edits: HeaderView | null): boolean {
  const length = fields.nameEnd[index]! - fields.nameStart[index]!;
  const mayBeRemoved = edits?.removesOfLength(length) === true;
  if (!mayBeRemoved && connectionTokens === '') return false;
  const lowerName = fields.lowerName(index);
  if (mayBeRemoved && edits?.isRemoved(lowerName) === true) return true;
  const kind = fields.kind[index]!;
  if (kind === HeaderKind.host || kind === HeaderKind.contentLength) return false;
  return listsName(connectionTokens, lowerName);
}

/** Names that heads lose and that the codec lets pass in trailers. */
const TRAILER_DROPS = new Set(['x-powered-by', 'alt-svc', 'x-gateway-response-time', 'x-gateway-timestamp']);

/**
 * The lines of a trailer section that pass: it can't say what the head may not.
 * @param trailers lines, each with its CRLF
 */
export function passableTrailers(trailers: string, edits: HeaderView, dropUnderscores: boolean): string {
  let passed = '';
  for (const line of trailers.split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    const dropped = TRAILER_DROPS.has(name) || (dropUnderscores && name.includes('_'));
    if (name !== '' && !dropped && !edits.isRemovedTrailer(name)) passed += `${line}\r\n`;
  }
  return passed;
}
