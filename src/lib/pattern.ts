import { RE2JS } from 're2js';

/** Longest pattern that is taken, in bytes of UTF-8. */
export const MAX_PATTERN_BYTES = 1024;

/**
 * Largest program that a pattern may compile to, in RE2 instructions. `[a-z]{1000}` is 14 bytes and a
 * thousand instructions: the length says little about the cost of a match, this does.
 */
export const MAX_PATTERN_INSTRUCTIONS = 1000;

/** A pattern or substitution that is refused; the message is for the operator. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatternError';
  }
}

/** A user's regular expression (RE2 syntax), anchored at both ends. Time is linear in the text. */
export interface Pattern {
  readonly source: string;
  /** The whole of `text` matches. */
  test(text: string): boolean;
  /** Not anchored: a part of `text` matches. */
  isIn(text: string): boolean;
  /** Groups by number, 0 the whole; a group that took no part is empty. Null: no match. */
  groups(text: string): readonly string[] | null;
  /** Not anchored: every part of `text` that matches gives way to what `render` makes of its groups. */
  replaceAll(text: string, render: (groups: readonly string[]) => string): string;
  /** Not anchored: the first part of `text` from `from` on that matches; undefined for a group that took no part. */
  find(text: string, from: number): Found | null;
  readonly groupCount: number;
  readonly groupNames: ReadonlyMap<string, number>;
}

/** A part of a text that a pattern matches. */
export interface Found {
  readonly index: number;
  /** By number, 0 the whole. */
  readonly groups: readonly (string | undefined)[];
}

/**
 * What a regular expression of JavaScript says, in RE2. Where RE2 knows the same syntax it may mean a little less: see
 * docs/policies.md, requestBody.
 * @throws PatternError as {@link compilePattern}: what has no counterpart is not taken
 */
export function compileScriptPattern(expression: RegExp): Pattern {
  return compilePattern(RE2JS.translateRegExp(expression));
}

/** @throws PatternError when the syntax is wrong or the pattern is too large. */
export function compilePattern(source: string): Pattern {
  const bytes = Buffer.byteLength(source);
  if (bytes > MAX_PATTERN_BYTES) {
    throw new PatternError(
      `the regular expression has ${bytes} bytes, at most ${MAX_PATTERN_BYTES} are taken; split it into several matches`,
    );
  }
  const program = parse(source);
  const size = program.programSize();
  if (size > MAX_PATTERN_INSTRUCTIONS) {
    throw new PatternError(
      `the regular expression ${quote(source)} is too costly: ${size} instructions, at most ${MAX_PATTERN_INSTRUCTIONS} are taken; use smaller repeat counts`,
    );
  }
  return new Re2Pattern(source, program);
}

function parse(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new PatternError(
      `the regular expression ${quote(source)} is not valid RE2 syntax (${why}); back-references and look-around are not part of it`,
    );
  }
}

class Re2Pattern implements Pattern {
  readonly source: string;
  readonly groupCount: number;
  readonly groupNames: ReadonlyMap<string, number>;
  readonly #program: RE2JS;

  constructor(source: string, program: RE2JS) {
    this.source = source;
    this.#program = program;
    this.groupCount = program.groupCount();
    this.groupNames = new Map(Object.entries(program.namedGroups()));
  }

  test(text: string): boolean {
    return this.#program.testExact(text);
  }

  isIn(text: string): boolean {
    return this.#program.test(text);
  }

  groups(text: string): readonly string[] | null {
    const matcher = this.#program.matcher(text);
    return matcher.matches() ? this.#groupsOf(matcher) : null;
  }

  find(text: string, from: number): Found | null {
    const matcher = this.#program.matcher(text);
    if (from > text.length || !matcher.find(from)) return null;
    const groups: (string | undefined)[] = [];
    for (let i = 0; i <= this.groupCount; i++) groups.push(matcher.group(i) ?? undefined);
    return { index: matcher.start(), groups };
  }

  replaceAll(text: string, render: (groups: readonly string[]) => string): string {
    const matcher = this.#program.matcher(text);
    let result = '';
    let from = 0;
    while (matcher.find()) {
      result += text.slice(from, matcher.start()) + render(this.#groupsOf(matcher));
      from = matcher.end();
    }
    return result + text.slice(from);
  }

  #groupsOf(matcher: ReturnType<RE2JS['matcher']>): readonly string[] {
    const found: string[] = [];
    for (let i = 0; i <= this.groupCount; i++) found.push(matcher.group(i) ?? '');
    return found;
  }
}

const REFERENCE = /\$(?:(\$)|(\d+)|\{([A-Za-z0-9_]+)\}|)/g;

/**
 * Builds what replaces every part of a text that the pattern matches: `$1`, `${1}`, `${name}` are its groups, `$0` the
 * part itself, `$$` a dollar sign. The pattern is not anchored here, as in the rewrites of other proxies.
 * @throws PatternError when the substitution names a group that the pattern does not have.
 */
export function compileSubstitution(pattern: Pattern, substitution: string): (text: string) => string {
  const parts: (string | number)[] = [];
  let from = 0;
  for (const found of substitution.matchAll(REFERENCE)) {
    const [whole, dollar, digits, name] = found;
    parts.push(substitution.slice(from, found.index));
    from = found.index + whole.length;
    parts.push(dollar ?? groupNumber(pattern, substitution, digits ?? name ?? ''));
  }
  parts.push(substitution.slice(from));
  const render = (groups: readonly string[]): string => {
    let result = '';
    for (const part of parts) result += typeof part === 'string' ? part : (groups[part] ?? '');
    return result;
  };
  return (text) => pattern.replaceAll(text, render);
}

function groupNumber(pattern: Pattern, substitution: string, reference: string): number {
  const number = /^\d+$/.test(reference) ? Number(reference) : pattern.groupNames.get(reference);
  if (number !== undefined && number <= pattern.groupCount) return number;
  const names = [...pattern.groupNames.keys()].map((name) => `\${${name}}`);
  const known = ['$0', ...Array.from({ length: pattern.groupCount }, (_, i) => `$${i + 1}`), ...names];
  const problem = reference === '' ? 'a lone $ (write $$ for the sign itself)' : `$${reference}`;
  throw new PatternError(
    `the substitution ${quote(substitution)} has ${problem}; the groups of ${quote(pattern.source)} are ${known.join(', ')}`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
