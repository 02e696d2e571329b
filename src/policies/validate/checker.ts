import { compileMediaTypes } from '../../lib/media-types.ts';
import type { Exchange, RequestFields } from '../../pipeline/exchange.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { type AnswerCheck, answerCheck, answerPointers } from './answers.ts';
import type { Json } from './document.ts';
import { compileTemplate, cookieEntries, formEntries, formObject, headerEntries } from './parameters.ts';
import type { BodyPlan, OperationPlan, ParameterPlace, Plan } from './plan.ts';
import { SchemaSet } from './schema-set.ts';
import {
  fieldsOf,
  isForm,
  isJson,
  type PlacedFault,
  parameterCheck,
  parseBody,
  type Texts,
} from './values.ts';

/** Checks the requests of one operation. */
export interface OperationCheck {
  check(x: Exchange, path: ReadonlyMap<string, string>): Reply | undefined | Promise<Reply | undefined>;
  /** null: nobody looks at the answers. */
  readonly answer: AnswerCheck | null;
  /** Compiles what requests will need. */
  warm(): void;
}

type TextsOf = (request: RequestFields, path: ReadonlyMap<string, string>) => Texts;

const TEXTS: Readonly<Record<ParameterPlace, TextsOf>> = {
  query: (request) => formEntries(request.query),
  header: headerEntries,
  cookie: cookieEntries,
  path: (_, path) => new Map([...path].map(([name, value]) => [name, [value]])),
};

/** Everything that is compiled of a plan, shared by its operations. */
export function bindOperations(
  plan: Plan,
  maxBodyBytes: number,
): readonly (OperationPlan & OperationCheck)[] {
  const schemas = new SchemaSet(plan.document, plan.dialect);
  return plan.operations.map((operation) => ({
    ...operation,
    ...checkOf(operation, plan.document, schemas, maxBodyBytes),
  }));
}

function checkOf(
  operation: OperationPlan,
  document: Json,
  schemas: SchemaSet,
  maxBodyBytes: number,
): OperationCheck {
  const places = [...new Set([...operation.parameters, ...operation.objects].map((one) => one.in))];
  const checks = places.map((place) => placeCheck(place, operation, document, schemas));
  const body = operation.body === null ? null : bodyCheck(operation.body, document, schemas, maxBodyBytes);
  const pointers = [
    ...operation.parameters.map(({ schema }) => schema),
    ...operation.objects.map(({ schema }) => schema),
    ...(operation.body?.types ?? []).map(({ schema }) => schema ?? ''),
    ...answerPointers(operation.answers),
  ].filter((pointer) => pointer !== '');
  return {
    check(x, path) {
      const faults = checks.flatMap((check) => check(x.request, path));
      if (faults.length > 0) return refusal(400, 'The request does not fit its description.', faults);
      return body?.(x.request);
    },
    answer:
      operation.answers === null ? null : answerCheck(operation.answers, document, schemas, maxBodyBytes),
    warm: () => {
      for (const pointer of pointers) schemas.compile(pointer);
    },
  };
}

type PlaceCheck = (request: RequestFields, path: ReadonlyMap<string, string>) => readonly PlacedFault[];

function placeCheck(
  place: ParameterPlace,
  operation: OperationPlan,
  document: Json,
  schemas: SchemaSet,
): PlaceCheck {
  const single = operation.parameters
    .filter((parameter) => parameter.in === place)
    .map((parameter) => parameterCheck(parameter, document, schemas));
  const whole = operation.objects
    .filter((one) => one.in === place)
    .map(({ schema }) => ({ schema, fields: fieldsOf(document, schema) }));
  return (request, path) => {
    const texts = TEXTS[place](request, path);
    const faults: PlacedFault[] = single.flatMap((check) => check(texts));
    for (const { schema, fields } of whole) {
      const found = schemas.faults(schema, formObject(texts, fields));
      faults.push(...found.map((fault) => ({ in: place, ...fault })));
    }
    return faults;
  };
}

type BodyCheck = (request: RequestFields) => Reply | undefined | Promise<Reply | undefined>;

function bodyCheck(body: BodyPlan, document: Json, schemas: SchemaSet, maxBytes: number): BodyCheck {
  const types = body.types.map(({ mediaType, schema }) => ({
    fits: compileMediaTypes([mediaType]),
    schema,
    fields: schema === null ? null : fieldsOf(document, schema),
  }));
  const accepted = body.types.map(({ mediaType }) => mediaType).join(', ');
  return (request) => {
    if (request.body.length === 0) {
      if (!body.required) return undefined;
      return refusal(400, 'A body is needed.', [{ in: 'body', pointer: '', detail: 'is missing' }]);
    }
    const contentType = request.header('content-type');
    const type = types.find(({ fits }) => fits(contentType));
    if (type === undefined) return problem(415, 'This type of body is not taken.', [['accept', accepted]]);
    const { schema, fields } = type;
    if (schema === null || !(isJson(contentType) || isForm(contentType))) return undefined;
    const coding = request.header('content-encoding');
    if (coding !== null && coding.toLowerCase() !== 'identity')
      return problem(415, 'A body has to come without Content-Encoding.', [['accept-encoding', 'identity']]);
    const judge = (bytes: Uint8Array | null): Reply | undefined => {
      if (bytes === null) return problem(413, `The body is larger than ${maxBytes} bytes.`);
      const parsed = parseBody(bytes, isForm(contentType) ? fields! : null);
      if (!parsed.ok) return refusal(400, 'The body can not be read.', [parsed.fault]);
      const faults = schemas.faults(schema, parsed.value);
      if (faults.length === 0) return undefined;
      return refusal(
        400,
        'The body does not fit its description.',
        faults.map((fault) => ({ in: 'body', ...fault })),
      );
    };
    const bytes = request.body.read(maxBytes);
    return bytes instanceof Promise ? bytes.then(judge) : judge(bytes);
  };
}

/** RFC 9457 with a list of what is wrong. */
function refusal(status: number, detail: string, errors: readonly PlacedFault[]): Reply {
  const { headers, body } = problem(status, detail);
  return { status, headers, body: JSON.stringify({ ...(JSON.parse(String(body)) as object), errors }) };
}

/** Operations by path, exact ones before templates. */
export class Operations<O extends OperationPlan> {
  readonly #basePath: string;
  readonly #exact = new Map<string, O[]>();
  readonly #templates: { readonly match: ReturnType<typeof compileTemplate>; readonly operations: O[] }[] =
    [];

  constructor(basePath: string, operations: readonly O[]) {
    this.#basePath = basePath;
    const byTemplate = new Map<string, O[]>();
    for (const operation of operations) {
      const template = operation.template!;
      const known = byTemplate.get(template);
      if (known === undefined) byTemplate.set(template, [operation]);
      else known.push(operation);
    }
    const variables = (template: string) => template.split('{').length;
    for (const [template, some] of [...byTemplate].toSorted(([a], [b]) => variables(a) - variables(b))) {
      if (template.includes('{'))
        this.#templates.push({ match: compileTemplate(template), operations: some });
      else this.#exact.set(template, some);
    }
  }

  /** Those of a path; null: the description has no such path. */
  find(
    path: string,
  ): { readonly operations: readonly O[]; readonly values: ReadonlyMap<string, string> } | null {
    if (!path.startsWith(this.#basePath)) return null;
    const rest = path.slice(this.#basePath.length);
    const exact = this.#exact.get(rest);
    if (exact !== undefined) return { operations: exact, values: new Map() };
    for (const { match, operations } of this.#templates) {
      const values = match(rest);
      if (values !== null) return { operations, values };
    }
    return null;
  }
}
