import type { Exchange } from '../../pipeline/exchange.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { bindOperations, Operations } from './checker.ts';
import { type ResolvedValidation, resolve, schema } from './config.ts';
import type { OperationPlan } from './plan.ts';

const NOTHING: ReadonlyMap<string, string> = new Map();
const NO_PATH = problem(404, 'The description of this service has no such path.');

export const validate = definePolicy<typeof schema, ResolvedValidation>({
  name: 'validate',
  phase: 'limit',
  summary: 'Refuses requests that do not fit a JSON Schema or an OpenAPI document.',
  schema,
  resolve,
  bind(config) {
    if (config.kind === 'broken') throw new Error(config.message);
    const { plan, maxBodyBytes, passUnknown } = config;
    const operations = bindOperations(plan, maxBodyBytes);
    const stop = warmUp(operations.map(({ warm }) => warm));
    const [only] = operations;
    if (operations.length === 1 && only!.template === null)
      return { onRequest: (x) => only!.check(x, NOTHING), close: stop };
    const known = new Operations(plan.basePath, operations);
    return {
      onRequest(x) {
        const found = known.find(x.request.path);
        if (found === null) return passUnknown ? undefined : NO_PATH;
        const operation = operationOf(found.operations, x);
        if (operation === undefined) return passUnknown ? undefined : wrongMethod(found.operations);
        return operation.check(x, found.values);
      },
      close: stop,
    };
  },
});

function operationOf<O extends OperationPlan>(operations: readonly O[], x: Exchange): O | undefined {
  const { method } = x.request;
  const of = (wanted: string) => operations.find((one) => one.method === null || one.method === wanted);
  // RFC 9110 section 9.3.2: HEAD is GET without a body in the answer.
  return of(method) ?? (method === 'HEAD' ? of('GET') : undefined);
}

function wrongMethod(operations: readonly OperationPlan[]): Reply {
  const allowed = operations.map(({ method }) => method).join(', ');
  return problem(405, 'The description of this service has no such method here.', [['allow', allowed]]);
}

/** Schemas are compiled one at a time, between requests; one that is needed earlier is compiled then. */
function warmUp(work: readonly (() => void)[]): () => void {
  let next = 0;
  let timer: NodeJS.Timeout | undefined;
  const step = (): void => {
    work[next++]?.();
    if (next < work.length) timer = setTimeout(step, 1).unref();
  };
  timer = setTimeout(step, 1).unref();
  return () => clearTimeout(timer);
}
