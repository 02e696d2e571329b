import { compileMediaTypes } from '../../lib/media-types.ts';
import type { Exchange, HeaderFields } from '../../pipeline/exchange.ts';
import type { Json } from './document.ts';
import { formObject, headerEntries } from './parameters.ts';
import type { AnswerPlan, BodyPlan } from './plan.ts';
import type { SchemaSet } from './schema-set.ts';
import { fieldsOf, isJson, type PlacedFault, parameterCheck, parseBody } from './values.ts';

/** What is wrong with the answer of an exchange; empty: nothing. */
export type AnswerCheck = (x: Exchange) => readonly PlacedFault[] | Promise<readonly PlacedFault[]>;

/** Schemas that the checks of answers need. */
export function answerPointers(answers: readonly AnswerPlan[] | null): readonly string[] {
  return (answers ?? []).flatMap(({ headers, objects, types }) => [
    ...headers.map(({ schema }) => schema),
    ...objects,
    ...(types ?? []).map(({ schema }) => schema ?? ''),
  ]);
}

/** Compiles what the answers of one operation have to be. A status goes before its class, that before the rest. */
export function answerCheck(
  answers: readonly AnswerPlan[],
  document: Json,
  schemas: SchemaSet,
  maxBytes: number,
): AnswerCheck {
  const byStatus = new Map(
    answers.map((answer) => [answer.status, oneCheck(answer, document, schemas, maxBytes)]),
  );
  return (x) => {
    const { status } = x.response;
    // What a client has already: it is about an answer that came before.
    if (status === 304) return [];
    const check =
      byStatus.get(String(status)) ??
      byStatus.get(`${Math.floor(status / 100)}xx`) ??
      byStatus.get('default');
    return check === undefined
      ? [{ in: 'status', pointer: '', detail: `${status} is not described` }]
      : check(x);
  };
}

function oneCheck(
  { headers, objects, types }: AnswerPlan,
  document: Json,
  schemas: SchemaSet,
  maxBytes: number,
): AnswerCheck {
  const single = headers.map((header) => parameterCheck(header, document, schemas));
  const whole = objects.map((schema) => ({ schema, fields: fieldsOf(document, schema) }));
  const body = types === null ? null : bodyCheck(types, schemas, maxBytes);
  const looksAtHeaders = single.length > 0 || whole.length > 0;
  const headerFaults = (response: HeaderFields): readonly PlacedFault[] => {
    const texts = headerEntries(response);
    return [
      ...single.flatMap((check) => check(texts)),
      ...whole.flatMap(({ schema, fields }) =>
        schemas
          .faults(schema, formObject(texts, fields))
          .map((fault) => ({ in: 'header' as const, ...fault })),
      ),
    ];
  };
  return (x) => {
    const faults = looksAtHeaders ? headerFaults(x.response) : [];
    return faults.length > 0 || body === null ? faults : body(x);
  };
}

/** RFC 9110: they have no content. */
const BODILESS = new Set([204, 205]);

const bodyFault = (detail: string): readonly PlacedFault[] => [{ in: 'body', pointer: '', detail }];

function bodyCheck(types: BodyPlan['types'], schemas: SchemaSet, maxBytes: number): AnswerCheck {
  const compiled = types.map(({ mediaType, schema }) => ({ fits: compileMediaTypes([mediaType]), schema }));
  return ({ request, response }) => {
    if (request.method === 'HEAD' || BODILESS.has(response.status)) return [];
    if (response.body.length === 0) return bodyFault('is missing');
    const contentType = response.header('content-type');
    const type = compiled.find(({ fits }) => fits(contentType));
    if (type === undefined) return bodyFault('its Content-Type is not described');
    const { schema } = type;
    if (schema === null || !isJson(contentType)) return [];
    const coding = response.header('content-encoding');
    if (coding !== null && coding.toLowerCase() !== 'identity')
      return bodyFault('is compressed, though it was asked for plain');
    if (response.status === 206) return bodyFault('is a part, though the whole was asked for');
    const judge = (bytes: Uint8Array | null): readonly PlacedFault[] => {
      if (bytes === null) return bodyFault(`is larger than ${maxBytes} bytes`);
      if (bytes.length === 0) return bodyFault('is missing');
      const parsed = parseBody(bytes, null);
      if (!parsed.ok) return [parsed.fault];
      return schemas.faults(schema, parsed.value).map((fault) => ({ in: 'body' as const, ...fault }));
    };
    const bytes = response.body.read(maxBytes);
    return bytes instanceof Promise ? bytes.then(judge) : judge(bytes);
  };
}
