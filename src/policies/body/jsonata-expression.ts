import jsonata from 'jsonata';
import { LinearRegExp } from './linear-regexp.ts';

/** @throws an object with `message`, `position` and `code` when it is misspelt */
export function compileJsonata(written: string): jsonata.Expression {
  return jsonata(written, { RegexEngine: LinearRegExp as unknown as RegExpConstructor });
}

/** Null, or what is wrong with an expression. */
export function jsonataProblem(written: string): string | null {
  try {
    return regexProblem(compileJsonata(written).ast());
  } catch (error) {
    const { message, position } = error as { readonly message: string; readonly position?: number };
    return `at character ${position ?? 0}: ${message}`;
  }
}

/** Regular expressions are only made when they are used: of those that RE2 does not know the operator hears before. */
function regexProblem(node: unknown): string | null {
  if (typeof node !== 'object' || node === null) return null;
  const { type, value, position } = node as { type?: unknown; value?: unknown; position?: unknown };
  if (type === 'regex' && value instanceof RegExp) {
    try {
      new LinearRegExp(value);
      return null;
    } catch (error) {
      return `at character ${String(position)}: ${(error as Error).message}`;
    }
  }
  for (const child of Object.values(node)) {
    const problem = regexProblem(child);
    if (problem !== null) return problem;
  }
  return null;
}
