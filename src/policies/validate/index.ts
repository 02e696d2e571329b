import type { Exchange } from '../../pipeline/exchange.ts';
import { type BoundPolicy, definePolicy, type PolicyEnv } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { createSlot } from '../../pipeline/slot.ts';
import type { AnswerCheck } from './answers.ts';
import { bindOperations, type OperationCheck, Operations } from './checker.ts';
import { type ResolvedValidation, resolve, schema } from './config.ts';
import type { OperationPlan } from './plan.ts';
import { answerJudge } from './report.ts';

const NOTHING: ReadonlyMap<string, string> = new Map();
const NO_PATH = problem(404, 'The description of this service has no such path.');

/** What the answer has to fit, by the policy that says so. */
const answerSlot = createSlot<Map<BoundPolicy, AnswerCheck>>('validateAnswer');

export const validate = definePolicy<typeof schema, ResolvedValidation>({
  name: 'validate',
  phase: 'limit',
  summary: 'Refuses requests, and answers if asked to, that do not fit a JSON Schema or an OpenAPI document.',
  schema,
  resolve,
  bind(config, env) {
    if (config.kind === 'broken') throw new Error(config.message);
    const { plan, maxBodyBytes, passUnknown } = config;
    const operations = bindOperations(plan, maxBodyBytes);
    const stop = warmUp(operations.map(({ warm }) => warm));
    const find = finder(plan.basePath, operations, passUnknown);
    const requests: BoundPolicy = {
      onRequest(x) {
        const found = find(x);
        return 'status' in found ? found : found.operation?.check(x, found.values);
      },
      close: stop,
    };
    return config.answers === null ? requests : withAnswers(config.answers, find, stop, env);
  },
});

type Bound = OperationPlan & OperationCheck;
interface Found {
  /** null: not described, and let through. */
  readonly operation: Bound | null;
  readonly values: ReadonlyMap<string, string>;
}
type Find = (x: Exchange) => Found | Reply;

function finder(basePath: string, operations: readonly Bound[], passUnknown: boolean): Find {
  const [only] = operations;
  const passed: Found = { operation: null, values: NOTHING };
  if (operations.length === 1 && only!.template === null) {
    const all: Found = { operation: only!, values: NOTHING };
    return () => all;
  }
  const known = new Operations(basePath, operations);
  return (x) => {
    const found = known.find(x.request.path);
    if (found === null) return passUnknown ? passed : NO_PATH;
    const operation = operationOf(found.operations, x);
    if (operation !== undefined) return { operation, values: found.values };
    return passUnknown ? passed : wrongMethod(found.operations);
  };
}

/** Requests and answers. The backend is asked for whole answers, and for what can be read. */
function withAnswers(mode: 'refuse' | 'report', find: Find, close: () => void, env: PolicyEnv): BoundPolicy {
  const judge = answerJudge(mode, env);
  const self: BoundPolicy = {
    onRequest(x) {
      const found = find(x);
      if ('status' in found) return found;
      const { operation, values } = found;
      if (operation?.answer != null) {
        expect(x, self, operation.answer);
        x.request.removeHeader('range');
        x.request.removeHeader('if-range');
        x.request.setHeader('accept-encoding', 'identity');
      }
      return operation?.check(x, values);
    },
    onResponse(x) {
      const check = x.get(answerSlot)?.get(self);
      if (check === undefined || x.response.madeHere) return undefined;
      const faults = check(x);
      return faults instanceof Promise ? faults.then((found) => judge(x, found)) : judge(x, faults);
    },
    close,
  };
  return self;
}

function expect(x: Exchange, policy: BoundPolicy, check: AnswerCheck): void {
  const expected = x.get(answerSlot);
  if (expected === undefined) x.set(answerSlot, new Map([[policy, check]]));
  else expected.set(policy, check);
}

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
