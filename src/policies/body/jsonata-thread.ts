import { parentPort } from 'node:worker_threads';
import type jsonata from 'jsonata';
import { compileJsonata } from './jsonata-expression.ts';

/** One evaluation, as it goes to the thread. */
export interface EvaluationJob {
  readonly id: number;
  readonly expression: string;
  /** JSON. */
  readonly input: string;
  /** By name, without `$`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** `json` is what the expression made, or null in JSON when that was nothing. */
export type EvaluationResult =
  | { readonly id: number; readonly json: string }
  | { readonly id: number; readonly error: string };

const MAX_EXPRESSIONS = 1000;
const MAX_RESULT_CHARS = 32 * 1024 * 1024;

const expressions = new Map<string, jsonata.Expression>();

function compiled(text: string): jsonata.Expression {
  let expression = expressions.get(text);
  if (expression === undefined) {
    if (expressions.size >= MAX_EXPRESSIONS) expressions.clear();
    expression = compileJsonata(text);
    // Data must not become code.
    expression.registerFunction('eval', () => {
      throw new Error('$eval is not available');
    });
    expressions.set(text, expression);
  }
  return expression;
}

async function evaluate({ id, expression, input, variables }: EvaluationJob): Promise<EvaluationResult> {
  try {
    const made: unknown = await compiled(expression).evaluate(JSON.parse(input), variables);
    const json = JSON.stringify(made) ?? 'null';
    return json.length > MAX_RESULT_CHARS ? { id, error: 'the result is too large' } : { id, json };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

/** JSONata's errors are plain objects; their messages may quote data, their codes and places don't. */
function messageOf(error: unknown): string {
  const { code, position } = error as { readonly code?: unknown; readonly position?: unknown };
  if (typeof code === 'string') return `${code} at character ${String(position)}`;
  return error instanceof RangeError ? 'too deep' : 'it threw';
}

parentPort!.on('message', (job: EvaluationJob) => {
  void evaluate(job).then((result) => parentPort!.postMessage(result));
});
parentPort!.postMessage('ready');
