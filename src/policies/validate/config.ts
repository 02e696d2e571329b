import { type Static, Type } from 'typebox';
import { parseQuantity } from '../../lib/quantity.ts';
import { choice, exactlyOneOf, fields, list, objectName, quantity, refined, text } from '../../lib/schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import { answerPointers } from './answers.ts';
import { documentProblem, isObject, type Json, type JsonObject } from './document.ts';
import { openApiPlan } from './openapi.ts';
import type { AnswerPlan, BodyPlan, OperationPlan, ParameterPlace, Plan } from './plan.ts';
import { SchemaSet } from './schema-set.ts';

const jsonSchema = refined(
  Type.Unsafe<JsonObject>({
    type: 'object',
    description: 'A JSON Schema. `$ref` stays inside it; patterns are RE2.',
  }),
  (schema) => documentProblem(schema),
);

const whole = (what: string) => Type.Optional(fields({ schema: jsonSchema }, what));

export const schema = refined(
  fields(
    {
      openapi: Type.Optional(
        exactlyOneOf(
          ['configMapRef', 'file'],
          {
            configMapRef: Type.Optional(
              fields(
                {
                  name: objectName('Name of a ConfigMap of the same namespace.'),
                  key: text('Key within the ConfigMap.', {
                    default: 'openapi.yaml',
                    minLength: 1,
                    maxLength: 253,
                    pattern: '^[-._a-zA-Z0-9]+$',
                  }),
                },
                'Where the document is: YAML or JSON.',
              ),
            ),
            file: Type.Optional(
              text(
                'A file of the folder that routes are read from, from the file with this route: `openapi/orders.yaml`. Not in a Kubernetes cluster.',
                {
                  minLength: 1,
                  pattern: '^[^/\\\\]+(/[^/\\\\]+)*\\.(yaml|yml|json)$',
                  'x-hint': 'write a path to a .yaml, .yml or .json file, as openapi/orders.yaml',
                },
              ),
            ),
            basePath: Type.Optional(
              text('What stands before the paths of the document; none: the path of its first server.', {
                pattern: '^/[^?#]*$',
                'x-hint': 'write a path like /api/v1',
              }),
            ),
            unknown: choice(
              ['refuse', 'pass'],
              'Requests that the document does not describe. refuse: 404, or 405 for another method.',
              { default: 'refuse' },
            ),
          },
          'An OpenAPI document (3.1 or 3.0): paths, parameters and bodies of requests. Exactly one of configMapRef, file says where it is.',
        ),
      ),
      body: Type.Optional(
        fields(
          {
            schema: jsonSchema,
            required: Type.Boolean({ description: 'A request without a body is refused.', default: true }),
          },
          'The body, as JSON.',
        ),
      ),
      query: whole('The parameters of the query, as one object. Texts become what their schemas want.'),
      headers: whole('The headers, as one object; names in lower case.'),
      cookies: whole('The cookies, as one object.'),
      path: Type.Optional(
        fields(
          {
            template: text('What the path looks like: `/users/{id}`.', { pattern: '^/[^?#]*$' }),
            schema: jsonSchema,
          },
          'The parts of the path, as one object; another path is refused with 404.',
        ),
      ),
      answers: Type.Optional(
        fields(
          {
            mode: choice(
              ['refuse', 'report'],
              'What becomes of one that does not fit. refuse: the client gets 502; report: it passes, and the log and gateway_policy_shadow_total tell of it.',
              { default: 'refuse' },
            ),
            statuses: Type.Optional(
              list(
                Type.String({
                  description: 'A status, or a class of them: `200`, `2xx`.',
                  pattern: '^([1-5][0-9]{2}|[1-5]xx)$',
                  'x-hint': 'write a status like 200 or a class like 2xx',
                  maxLength: 3,
                }),
                'Those that are good; none: all.',
                { minItems: 1, maxItems: 32 },
              ),
            ),
            headers: whole('The headers of an answer of 2xx, as one object; names in lower case.'),
            body: whole('The body of an answer of 2xx, as JSON.'),
          },
          'Answers of the backend, too: with an OpenAPI document what it says of them, else what stands here.',
        ),
      ),
      dialect: choice(['2020-12', 'draft-07'], 'Of the schemas that stand here.', { default: '2020-12' }),
      maxBodyBytes: quantity(
        'A larger body is refused with 413: it is held in memory. Of an answer as one that does not fit.',
        '1Mi',
      ),
    },
    'Refuses requests, and answers if it is asked to, that do not fit their description.',
  ),
  ({ openapi, body, query, headers, cookies, path, answers }) => {
    const told = [answers?.statuses, answers?.headers, answers?.body];
    const has = (parts: readonly unknown[]) => parts.some((one) => one !== undefined);
    const own = has([body, query, headers, cookies, path, ...told]);
    if (openapi !== undefined && own) return 'either openapi, or schemas of its own';
    if (openapi === undefined && answers !== undefined && !has(told))
      return 'nothing to validate in answers: give statuses, headers or body';
    return openapi === undefined && !own ? 'nothing to validate: give openapi, body, query …' : null;
  },
);

type ValidateConfig = Static<typeof schema>;

/** As it stands in the IR. */
export type ResolvedValidation =
  | { readonly kind: 'broken'; readonly message: string }
  | {
      readonly kind: 'plan';
      readonly plan: Plan;
      readonly maxBodyBytes: number;
      readonly passUnknown: boolean;
      readonly answers: 'refuse' | 'report' | null;
    };

/** Documents are large, and routes share them: each is read once. */
const plans = new WeakMap<object, Map<string, Plan | string>>();

export function resolve(config: ValidateConfig, context: ResolveContext): ResolvedValidation {
  const { openapi } = config;
  const rest = {
    maxBodyBytes: parseQuantity(config.maxBodyBytes),
    passUnknown: openapi?.unknown === 'pass',
    answers: config.answers?.mode ?? null,
  };
  if (openapi === undefined)
    return settled(
      tryPlan(() => ownPlan(config)),
      rest,
    );
  const document = documentOf(openapi, context);
  if (document === null) return { kind: 'broken', message: 'the document is not there' };
  if (!isObject(document)) return { kind: 'broken', message: 'the document is no object' };
  const basePath = openapi.basePath ?? null;
  const known = plans.get(document) ?? new Map<string, Plan | string>();
  plans.set(document, known);
  const wanted = `${rest.answers !== null} ${basePath ?? ''}`;
  let plan = known.get(wanted);
  if (plan === undefined) {
    plan = tryPlan(() => {
      const problem = documentProblem(document);
      if (problem !== null) throw new Error(problem);
      return openApiPlan(document, basePath, rest.answers !== null);
    });
    known.set(wanted, plan);
  }
  return settled(plan, rest);
}

function documentOf(
  { configMapRef, file }: NonNullable<ValidateConfig['openapi']>,
  context: ResolveContext,
): object | null {
  if (configMapRef !== undefined) return context.document(configMapRef, 'openapi.configMapRef');
  return context.file(file!, 'openapi.file');
}

function settled(
  plan: Plan | string,
  rest: Omit<Extract<ResolvedValidation, { kind: 'plan' }>, 'kind' | 'plan'>,
): ResolvedValidation {
  return typeof plan === 'string' ? { kind: 'broken', message: plan } : { kind: 'plan', plan, ...rest };
}

/** The plan, with every schema of it compiled once to see that it can be; or what is wrong. */
function tryPlan(make: () => Plan): Plan | string {
  try {
    const plan = make();
    const schemas = new SchemaSet(plan.document, plan.dialect);
    for (const { parameters, objects, body, answers } of plan.operations) {
      const asked = [...parameters, ...objects, ...(body?.types ?? [])].map((one) => one.schema);
      for (const pointer of [...asked, ...answerPointers(answers)])
        if (pointer !== null && pointer !== '') schemas.compile(pointer);
    }
    return plan;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function ownPlan({ body, query, headers, cookies, path, answers, dialect }: ValidateConfig): Plan {
  const document: Record<string, Json> = {};
  const places: [ParameterPlace, { readonly schema: JsonObject } | undefined][] = [
    ['path', path],
    ['query', query],
    ['header', headers],
    ['cookie', cookies],
  ];
  const objects = places.flatMap(([place, one]) => {
    if (one === undefined) return [];
    document[place] = rooted(one.schema, place);
    return [{ in: place, schema: `/${place}` }];
  });
  if (body !== undefined) document.body = rooted(body.schema, 'body');
  const operation: OperationPlan = {
    template: path?.template ?? null,
    method: null,
    parameters: [],
    objects,
    body: body === undefined ? null : { required: body.required, types: jsonTypes('/body') },
    answers: answers === undefined ? null : ownAnswers(answers, document),
  };
  return { dialect, document, basePath: '', operations: [operation] };
}

function jsonTypes(schema: string): BodyPlan['types'] {
  return ['application/json', 'application/*+json'].map((mediaType) => ({ mediaType, schema }));
}

/** Puts their schemas into the document. */
function ownAnswers(
  { statuses = ['2xx', 'default'], headers, body }: NonNullable<ValidateConfig['answers']>,
  document: Record<string, Json>,
): readonly AnswerPlan[] {
  if (headers !== undefined) document.answerHeaders = rooted(headers.schema, 'answerHeaders');
  if (body !== undefined) document.answerBody = rooted(body.schema, 'answerBody');
  return statuses.map((status) => {
    // Errors look otherwise.
    const isGood = status.startsWith('2');
    return {
      status,
      headers: [],
      objects: isGood && headers !== undefined ? ['/answerHeaders'] : [],
      types: isGood && body !== undefined ? jsonTypes('/answerBody') : null,
    };
  });
}

/** A schema as a part of a larger document: its references begin at its own root. */
function rooted(value: Json, root: string): Json {
  if (Array.isArray(value)) return value.map((child) => rooted(child, root));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => {
      if (key === '$ref' && (child === '#' || (typeof child === 'string' && child.startsWith('#/'))))
        return [key, `#/${root}${child.slice(1)}`];
      return [key, rooted(child, root)];
    }),
  );
}
