import { type Static, Type } from 'typebox';
import { fields, list, refined, text } from '../../lib/schema.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { ANONYMOUS, type Identity, identitySlot } from '../../pipeline/identity.ts';
import { definePolicy, type PolicyEnv } from '../../pipeline/policy.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { compileExpression, type Expression, expressionProblem } from './expression.ts';
import { Facts } from './facts.ts';

const name = (what: string) => text(what, { minLength: 1, maxLength: 253 });
const names = (what: string, description: string) =>
  Type.Optional(list(name(what), description, { minItems: 1, maxItems: 64 }));

const requirements = fields(
  {
    permissions: names('A permission.', 'All of these.'),
    anyPermission: names('A permission.', 'Any of these.'),
    roles: names('Name of a role.', 'Any of these.'),
    groups: names('Name of a group.', 'Any of these.'),
    consumers: names('Name of a Consumer.', 'Any of these.'),
    adminRole: text(
      'Who has this role needs none of the permissions, roles, groups and consumers; empty: no role is above them.',
      {
        default: 'admin',
        maxLength: 253,
      },
    ),
    expressions: Type.Optional(
      list(
        refined(
          text(
            'In CEL, over `request`, `identity`, `claims` and `now`: `claims.tenant == request.headers["x-tenant"]`.',
            {
              minLength: 1,
              maxLength: 2048,
            },
          ),
          expressionProblem,
        ),
        'All of these must be true, for every role. One that can not be evaluated is not true.',
        { minItems: 1, maxItems: 16 },
      ),
    ),
  },
  'What must be known of who sent a request, and of the request; others get 403. All that is given must hold.',
);

const schema = refined(requirements, ({ adminRole: _, ...asked }) =>
  Object.keys(asked).length === 0
    ? 'say what is required: permissions, anyPermission, roles, groups, consumers or expressions'
    : null,
);

type Config = Static<typeof schema>;
type Test = (identity: Identity) => boolean;

const REFUSAL = problem(403, 'You may not do this.');
/** A request that can't be judged is refused; more than one line of it a minute would say no more. */
const LOG_EVERY_MS = 60_000;

export const require = definePolicy({
  name: 'require',
  phase: 'authz',
  summary: 'Asks for permissions, roles, groups, Consumers or the truth of CEL expressions; 403.',
  schema,
  bind(config, env) {
    const mayPass = compileNeeds(config);
    const mayAsk = config.expressions === undefined ? null : compileExpressions(config.expressions, env);
    return {
      onRequest(x): Reply | undefined {
        if (!mayPass(x.get(identitySlot) ?? ANONYMOUS)) return REFUSAL;
        return mayAsk === null || mayAsk(x) ? undefined : REFUSAL;
      },
    };
  },
});

/** What is asked of the identity alone. */
function compileNeeds({ permissions, anyPermission, roles, groups, consumers, adminRole }: Config): Test {
  const tests: Test[] = [];
  if (permissions !== undefined)
    tests.push((identity) => permissions.every((one) => identity.permissions.includes(one)));
  if (anyPermission !== undefined) tests.push((identity) => some(identity.permissions, anyPermission));
  if (roles !== undefined) tests.push((identity) => some(identity.roles, roles));
  if (groups !== undefined) tests.push((identity) => some(identity.groups, groups));
  if (consumers !== undefined)
    tests.push(({ consumer }) => consumer !== null && consumers.includes(consumer));
  return function mayPass(identity) {
    if (adminRole !== '' && identity.roles.includes(adminRole)) return true;
    for (const test of tests) if (!test(identity)) return false;
    return true;
  };
}

function some(had: readonly string[], wanted: readonly string[]): boolean {
  for (const one of had) if (wanted.includes(one)) return true;
  return false;
}

function compileExpressions(texts: readonly string[], env: PolicyEnv): (x: Exchange) => boolean {
  const expressions = texts.map((text): readonly [string, Expression] => [text, compileExpression(text)]);
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return function allTrue(x) {
    const facts = new Facts(x);
    for (const [text, holds] of expressions) {
      try {
        if (!holds(facts)) return false;
      } catch (error) {
        if (x.startedAtMs - loggedAtMs >= LOG_EVERY_MS) {
          loggedAtMs = x.startedAtMs;
          env.log(
            'warn',
            `${x.routeKey} rule ${x.ruleName}: expression ${JSON.stringify(text)} was not evaluated: ${messageOf(error)}`,
          );
        }
        return false;
      }
    }
    return true;
  };
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
