import { compileMediaTypes } from '../../lib/media-types.ts';
import type { Exchange, RequestFields } from '../../pipeline/exchange.ts';
import { problem, type Reply } from '../../pipeline/reply.ts';
import { followed, isObject, type Json, pointed, stepOf } from './document.ts';
import {
  type Coercion,
  coerce,
  coercionOf,
  compileTemplate,
  cookieEntries,
  formEntries,
  formObject,
  headerEntries,
} from './parameters.ts';
import type { BodyPlan, OperationPlan, ParameterPlace, ParameterPlan, Plan } from './plan.ts';
import { type Fault, SchemaSet } from './schema-set.ts';

/** Checks the requests of one operation. */
export interface OperationCheck {
  check(x: Exchange, path: ReadonlyMap<string, string>): Reply | undefined | Promise<Reply | undefined>;
  /** Compiles what requests will need. */
  warm(): void;
}

type Texts = ReadonlyMap<string, readonly string[]>;
type TextsOf = (request: RequestFields, path: ReadonlyMap<string, string>) => Texts;

const TEXTS: Readonly<Record<ParameterPlace, TextsOf>> = {
  query: (request) => formEntries(request.query),
  header: headerEntries,
  cookie: cookieEntries,
  path: (_, path) => new Map([...path].map(([name, value]) => [name, [value]])),
};

interface PlacedFault extends Fault {
  readonly in: ParameterPlace | 'body';
}

const isJson = compileMediaTypes(['application/json', 'application/*+json', 'text/json']);
const isForm = compileMediaTypes(['application/x-www-form-urlencoded']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

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
  ].filter((pointer) => pointer !== '');
  return {
    check(x, path) {
      const faults = checks.flatMap((check) => check(x.request, path));
      if (faults.length > 0) return refusal(400, 'The request does not fit its description.', faults);
      return body?.(x.request);
    },
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

function parameterCheck(
  { in: place, name, required, schema, explode }: ParameterPlan,
  document: Json,
  schemas: SchemaSet,
): (texts: Texts) => readonly PlacedFault[] {
  const coercion = schema === '' ? null : coercionOf(document, schema);
  const at = `/${name}`;
  return (texts) => {
    const found = texts.get(name);
    if (found === undefined) return required ? [{ in: place, pointer: at, detail: 'is missing' }] : [];
    if (coercion === null) return [];
    const listed =
      coercion.types.includes('array') && !explode ? found.flatMap((text) => text.split(',')) : found;
    const value = coerce(listed, coercion);
    return schemas
      .faults(schema, value)
      .map(({ pointer, detail }) => ({ in: place, pointer: at + pointer, detail }));
  };
}

/** How the fields of an object schema want to be seen. */
function fieldsOf(document: Json, schema: string): (name: string) => Coercion {
  const known = new Map<string, Coercion>();
  const { pointer } = followed(document, schema);
  const properties = pointed(document, `${pointer}/properties`);
  if (isObject(properties)) {
    for (const name of Object.keys(properties))
      known.set(name, coercionOf(document, `${pointer}/properties${stepOf(name)}`));
  }
  const text: Coercion = { types: [], items: null };
  return (name) => known.get(name) ?? text;
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

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: PlacedFault };

/** @param fields of a form; null: it is JSON */
function parseBody(bytes: Uint8Array, fields: ((name: string) => Coercion) | null): Parsed {
  try {
    const text = utf8.decode(bytes);
    return { ok: true, value: fields === null ? JSON.parse(text) : formObject(formEntries(text), fields) };
  } catch {
    // What the parser says repeats a part of the body.
    const detail = fields === null ? 'is no JSON (RFC 8259)' : 'is no text in UTF-8';
    return { ok: false, fault: { in: 'body', pointer: '', detail } };
  }
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
