import { compileScriptPattern, type Found, type Pattern } from '../../lib/pattern.ts';

const MAX_KEPT = 1000;
const kept = new Map<string, Pattern>();

/**
 * In place of `RegExp` for JSONata, which makes one for each use of a regular expression and asks nothing of it but `exec` and
 * `lastIndex`: runs in linear time.
 */
export class LinearRegExp {
  lastIndex = 0;
  readonly #pattern: Pattern;

  /** @throws PatternError for what RE2 does not know */
  constructor(expression: RegExp) {
    const key = String(expression);
    let pattern = kept.get(key);
    if (pattern === undefined) {
      pattern = compileScriptPattern(expression);
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(key, pattern);
    }
    this.#pattern = pattern;
  }

  /** As of one with the flag `g`: from `lastIndex` on. */
  exec(text: string): (Found['groups'] & { readonly index: number }) | null {
    const found = this.#pattern.find(text, this.lastIndex);
    this.lastIndex = found === null ? 0 : found.index + found.groups[0]!.length;
    return found === null ? null : Object.assign([...found.groups], { index: found.index });
  }
}
