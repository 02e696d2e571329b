/** Reads one variable of a template from what is at hand. */
export type Variable<T> = (from: T) => string;

/** A text with `${name}` in it, read once. */
export interface TextTemplate<T> {
  /** The text, where it names no variable; else null. */
  readonly constant: string | null;
  render(from: T): string;
}

/** `$${` stands for `${`. */
const TOKEN = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

/**
 * Compiles `id=${requestId}`.
 * @param variableNamed null for a name that there is not.
 * @throws Error that names the unknown variable, or the place of a `${` without an end.
 */
export function compileTextTemplate<T>(
  text: string,
  variableNamed: (name: string) => Variable<T> | null,
  known: string,
): TextTemplate<T> {
  const parts: (string | Variable<T>)[] = [];
  let literal = '';
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    literal += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === '$${') {
      literal += '${';
      continue;
    }
    const name = match[1];
    if (name === undefined) {
      throw new Error(
        `the "\${" at character ${match.index + 1} has no end; write "$\${" for the characters themselves`,
      );
    }
    const variable = variableNamed(name);
    if (variable === null) {
      throw new Error(
        `there is no variable \${${name}}; known are ${known}; write "$\${" for the characters themselves`,
      );
    }
    parts.push(literal, variable);
    literal = '';
  }
  literal += text.slice(end);
  if (parts.length === 0) return { constant: literal, render: () => literal };
  parts.push(literal);
  return {
    constant: null,
    render(from) {
      let rendered = '';
      for (const part of parts) rendered += typeof part === 'string' ? part : part(from);
      return rendered;
    },
  };
}

/** Null, or what {@link compileTextTemplate} would throw. */
export function templateProblem(compile: () => unknown): string | null {
  try {
    compile();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
