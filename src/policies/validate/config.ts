import { type Static, Type } from 'typebox';
import { parseQuantity } from '../../lib/quantity.ts';
import { choice, fields, objectName, quantity, refined, text } from '../../lib/schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import { documentProblem, isObject, type Json, type JsonObject } from './document.ts';
import { openApiPlan } from './openapi.ts';
import type { OperationPlan, ParameterPlace, Plan } from './plan.ts';
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
        fields(
          {
            configMapRef: fields(
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
          'An OpenAPI document (3.1 or 3.0): paths, parameters and bodies of requests.',
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
      dialect: choice(['2020-12', 'draft-07'], 'Of the schemas that stand here.', { default: '2020-12' }),
      maxBodyBytes: quantity('A larger body is refused with 413: it is held in memory.', '1Mi'),
    },
    'Refuses requests that do not fit their description.',
  ),
  ({ openapi, body, query, headers, cookies, path }) => {
    const own = [body, query, headers, cookies, path].filter((one) => one !== undefined).length;
    if (openapi !== undefined && own > 0) return 'either openapi, or schemas of its own';
    return openapi === undefined && own === 0 ? 'nothing to validate: give openapi, body, query …' : null;
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
    };

/** Documents are large, and routes share them: each is read once. */
const plans = new WeakMap<object, Map<string, Plan | string>>();

export function resolve(config: ValidateConfig, context: ResolveContext): ResolvedValidation {
  const { openapi } = config;
  const rest = {
    maxBodyBytes: parseQuantity(config.maxBodyBytes),
    passUnknown: openapi?.unknown === 'pass',
  };
  if (openapi === undefined)
    return settled(
      tryPlan(() => ownPlan(config)),
      rest,
    );
  const document = context.document(openapi.configMapRef, 'openapi.configMapRef');
  if (document === null) return { kind: 'broken', message: 'the document is not there' };
  if (!isObject(document)) return { kind: 'broken', message: 'the document is no object' };
  const basePath = openapi.basePath ?? null;
  const known = plans.get(document) ?? new Map<string, Plan | string>();
  plans.set(document, known);
  let plan = known.get(basePath ?? '');
  if (plan === undefined) {
    plan = tryPlan(() => {
      const problem = documentProblem(document);
      if (problem !== null) throw new Error(problem);
      return openApiPlan(document, basePath);
    });
    known.set(basePath ?? '', plan);
  }
  return settled(plan, rest);
}

function settled(
  plan: Plan | string,
  rest: { readonly maxBodyBytes: number; readonly passUnknown: boolean },
): ResolvedValidation {
  return typeof plan === 'string' ? { kind: 'broken', message: plan } : { kind: 'plan', plan, ...rest };
}

/** The plan, with every schema of it compiled once to see that it can be; or what is wrong. */
function tryPlan(make: () => Plan): Plan | string {
  try {
    const plan = make();
    const schemas = new SchemaSet(plan.document, plan.dialect);
    for (const { parameters, objects, body } of plan.operations) {
      const pointers = [...parameters, ...objects, ...(body?.types ?? [])].map((one) => one.schema);
      for (const pointer of pointers) if (pointer !== null && pointer !== '') schemas.compile(pointer);
    }
    return plan;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function ownPlan({ body, query, headers, cookies, path, dialect }: ValidateConfig): Plan {
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
  const types = ['application/json', 'application/*+json'].map((mediaType) => ({
    mediaType,
    schema: '/body',
  }));
  const operation: OperationPlan = {
    template: path?.template ?? null,
    method: null,
    parameters: [],
    objects,
    body: body === undefined ? null : { required: body.required, types },
  };
  return { dialect, document, basePath: '', operations: [operation] };
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
