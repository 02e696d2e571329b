import { type ASTNode, Environment, type ParseResult, serialize } from '@marcbachmann/cel-js';
import { compilePattern, type Pattern } from '../../lib/pattern.ts';
import { type Facts, IdentityFacts, RequestFacts } from './facts.ts';

/** Says whether an expression holds. @throws Error when it can't be evaluated, such as for a claim that is not there. */
export type Expression = (facts: Facts) => boolean;

/** Loops in loops multiply: more than two would let a token with long lists hold up the thread. */
const MAX_NESTED_LOOPS = 2;
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** What takes the place of `matches`, which is JavaScript's own, without a bound on its time. */
const LINEAR_MATCHES = 'matchesRe2';

const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 8,
};

const MAP = 'map<string, string>';
const LIST = 'list<string>';

/** Variables that expressions may use. */
function environment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS })
    .registerType('Request', {
      ctor: RequestFacts,
      fields: {
        ...{ id: 'string', method: 'string', scheme: 'string', host: 'string', path: 'string' },
        ...{ query: 'string', clientAddress: 'string', headers: MAP, params: MAP },
      },
    })
    .registerType('Identity', {
      ctor: IdentityFacts,
      fields: {
        ...{ user: 'string', consumer: 'string', groups: LIST, roles: LIST, permissions: LIST },
        ...{ schemes: LIST, anonymous: 'bool' },
      },
    })
    .registerVariable('request', 'Request')
    .registerVariable('identity', 'Identity')
    .registerVariable('claims', 'map<string, dyn>')
    .registerVariable('now', 'google.protobuf.Timestamp');
}

/** What is wrong with an expression; null when nothing is. */
export function expressionProblem(text: string): string | null {
  try {
    compileExpression(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * An expression in CEL (https://cel.dev) over `request`, `identity`, `claims` and `now`.
 * @throws Error that says what is wrong with it
 */
export function compileExpression(text: string): Expression {
  const cel = environment();
  const checked = cel.check(text);
  if (!checked.valid) throw new Error(`is no expression that can be evaluated: ${firstLine(checked.error)}`);
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    throw new Error(`must be true or false; this is of type ${checked.type}`);
  const { ast } = cel.parse(text);
  if (loopDepth(ast) > MAX_NESTED_LOOPS)
    throw new Error(`has more than ${MAX_NESTED_LOOPS} of ${[...LOOPS].join(', ')} inside one another`);
  const patterns = new Map<string, Pattern>();
  const evaluate = replaceMatches(ast, patterns) ? withPatterns(ast, patterns) : cel.parse(text);
  return (facts) => {
    const value: unknown = evaluate(facts);
    if (typeof value !== 'boolean') throw new Error('it is neither true nor false');
    return value;
  };
}

/** `patterns` are those that the expression names, compiled. */
function withPatterns(ast: ASTNode, patterns: ReadonlyMap<string, Pattern>): ParseResult {
  const test = (text: string, pattern: string): boolean => patterns.get(pattern)!.isIn(text);
  return environment().registerFunction(`string.${LINEAR_MATCHES}(string): bool`, test).parse(serialize(ast));
}

function firstLine(error: Error | undefined): string {
  return error?.message.split('\n')[0] ?? 'it has a fault';
}

/** Nodes that stand directly in one. */
function childrenOf({ args }: ASTNode): readonly ASTNode[] {
  return (Array.isArray(args) ? args : [args]).flat(2).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function loopDepth(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(loopDepth));
  return node.op === 'rcall' && LOOPS.has(node.args[0]) ? inner + 1 : inner;
}

/** Puts our own function in the place of `matches`, and compiles its patterns. @returns whether there was any */
function replaceMatches(node: ASTNode, patterns: Map<string, Pattern>): boolean {
  let found = false;
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const [pattern] = node.args[2];
    if (pattern?.op !== 'value' || typeof pattern.args !== 'string')
      throw new Error('the pattern of matches() must be written out, it can be no other value');
    patterns.set(pattern.args, compilePattern(pattern.args));
    node.args[0] = LINEAR_MATCHES;
    found = true;
  }
  for (const child of childrenOf(node)) found = replaceMatches(child, patterns) || found;
  return found;
}
