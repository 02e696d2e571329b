import type { PathRewrite, RouteMatch } from '../ir/route.ts';
import { compilePattern, compileSubstitution } from '../lib/pattern.ts';

export type RewritePath = (path: string, match: RouteMatch) => string;

/**
 * Compiles a path rewrite; null when the path stays as it is. The result begins with a slash, but is
 * otherwise as the operator wrote it: callers normalise it again.
 * @throws PatternError
 */
export function compileRewrite(rewrite: PathRewrite): RewritePath | null {
  switch (rewrite.kind) {
    case 'none':
      return null;
    case 'full': {
      const path = rooted(rewrite.value);
      return () => path;
    }
    case 'replacePrefix':
      return prefixReplacer(rewrite.value);
    case 'regex': {
      const substitute = compileSubstitution(compilePattern(rewrite.pattern), rewrite.substitution);
      return (path) => rooted(substitute(path));
    }
  }
}

/**
 * What the match took gives way to `value`: of a prefix match its prefix, of any other the whole path.
 * What is left begins with a slash or is empty, so `/api` → `/` never makes `//`.
 */
function prefixReplacer(value: string): RewritePath {
  const base = value.replace(/\/+$/, '');
  const start = base === '' ? '' : rooted(base);
  return (path, match) => {
    const rest = match.path.kind === 'prefix' ? path.slice(prefixLength(match.path.value)) : '';
    return start + rest || '/';
  };
}

/** The prefix `/` takes nothing away: the slash belongs to what follows. */
function prefixLength(prefix: string): number {
  return prefix.endsWith('/') ? prefix.length - 1 : prefix.length;
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
