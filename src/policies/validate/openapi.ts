import { followed, isObject, type Json, type JsonObject, pointed, stepOf } from './document.ts';
import type { AnswerPlan, BodyPlan, OperationPlan, ParameterPlace, ParameterPlan, Plan } from './plan.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
const PLACES: readonly string[] = ['path', 'query', 'header', 'cookie'] satisfies ParameterPlace[];
/** OpenAPI has rules of its own for these; the gateway does, too. */
const IGNORED_HEADERS = ['accept', 'content-type', 'authorization'];

/**
 * The operations of an OpenAPI document, 3.1 or 3.0.
 * @param basePath before the paths; null: the path of the first server
 * @param answers whether they are looked at, too
 * @throws Error for the operator
 */
export function openApiPlan(document: Json, basePath: string | null, answers: boolean): Plan {
  const version = isObject(document) ? document.openapi : undefined;
  if (typeof version !== 'string' || !/^3\.[01]\./.test(version))
    throw new Error('it is no OpenAPI document of version 3.0 or 3.1');
  const read = version.startsWith('3.0') ? modern(document, false) : document;
  const paths = isObject(read) ? read.paths : undefined;
  if (!isObject(paths)) throw new Error('it has no paths');
  const operations = Object.keys(paths).flatMap((template) => operationsOf(read, template, answers));
  return {
    dialect: '2020-12',
    document: read,
    basePath: (basePath ?? serverPath(read)).replace(/\/+$/, ''),
    operations,
  };
}

function operationsOf(document: Json, template: string, answers: boolean): readonly OperationPlan[] {
  const at = followed(document, `/paths${stepOf(template)}`);
  if (!isObject(at.value)) throw new Error(`paths: ${template} is no object`);
  const shared = parametersOf(document, `${at.pointer}/parameters`);
  return METHODS.filter((method) => isObject((at.value as JsonObject)[method])).map((method) => {
    const own = parametersOf(document, `${at.pointer}/${method}/parameters`);
    const told = new Set(own.map((one) => `${one.in} ${one.name}`));
    return {
      template,
      method: method.toUpperCase(),
      parameters: [...own, ...shared.filter((one) => !told.has(`${one.in} ${one.name}`))],
      objects: [],
      body: bodyOf(document, `${at.pointer}/${method}/requestBody`),
      answers: answers ? answersOf(document, `${at.pointer}/${method}/responses`) : null,
    };
  });
}

function parametersOf(document: Json, list: string): readonly ParameterPlan[] {
  const entries = pointed(document, list);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((_, index): ParameterPlan[] => {
    const { pointer, value } = followed(document, `${list}/${index}`);
    if (!isObject(value) || typeof value.name !== 'string' || !PLACES.includes(value.in as string))
      throw new Error(`${list}/${index} is no parameter`);
    const place = value.in as ParameterPlace;
    if (place === 'header' && IGNORED_HEADERS.includes(value.name.toLowerCase())) return [];
    // A parameter with `content` is JSON in a text: only whether it is there is looked at.
    const schema = value.schema === undefined ? '' : `${pointer}/schema`;
    const form = place === 'query' || place === 'cookie';
    const explode = typeof value.explode === 'boolean' ? value.explode : form;
    const name = place === 'header' ? value.name.toLowerCase() : value.name;
    return [{ in: place, name, required: value.required === true, schema, explode: form && explode }];
  });
}

function bodyOf(document: Json, pointer: string): BodyPlan | null {
  if (pointed(document, pointer) === undefined) return null;
  const { pointer: at, value } = followed(document, pointer);
  const content = isObject(value) ? value.content : undefined;
  if (!isObject(value) || !isObject(content)) throw new Error(`${pointer} has no content`);
  return { required: value.required === true, types: typesOf(document, `${at}/content`, content) };
}

function typesOf(document: Json, at: string, content: JsonObject): BodyPlan['types'] {
  const types = Object.keys(content).map((mediaType) => {
    const schema = `${at}${stepOf(mediaType)}/schema`;
    return { mediaType, schema: pointed(document, schema) === undefined ? null : schema };
  });
  const stars = (text: string) => text.split('*').length;
  return types.toSorted((a, b) => stars(a.mediaType) - stars(b.mediaType));
}

/** null: the document says nothing of them. */
function answersOf(document: Json, pointer: string): readonly AnswerPlan[] | null {
  const listed = pointed(document, pointer);
  if (!isObject(listed)) return null;
  return Object.keys(listed).map((status) => {
    if (!/^([1-5][0-9]{2}|[1-5]XX|default)$/.test(status))
      throw new Error(`${pointer}: ${status} is no status`);
    const { pointer: at, value } = followed(document, `${pointer}${stepOf(status)}`);
    if (!isObject(value)) throw new Error(`${pointer}: ${status} is no object`);
    const { headers, content } = value;
    return {
      status: status.replace('XX', 'xx'),
      headers: isObject(headers)
        ? Object.keys(headers).flatMap((name) => headerOf(document, `${at}/headers`, name))
        : [],
      objects: [],
      types: isObject(content) ? typesOf(document, `${at}/content`, content) : null,
    };
  });
}

function headerOf(document: Json, headers: string, name: string): readonly ParameterPlan[] {
  // The media types of the content say it.
  if (name.toLowerCase() === 'content-type') return [];
  const { pointer, value } = followed(document, `${headers}${stepOf(name)}`);
  if (!isObject(value)) throw new Error(`${headers}: ${name} is no object`);
  const schema = value.schema === undefined ? '' : `${pointer}/schema`;
  return [
    { in: 'header', name: name.toLowerCase(), required: value.required === true, schema, explode: false },
  ];
}

function serverPath(document: Json): string {
  const url = pointed(document, '/servers/0/url');
  if (typeof url !== 'string') return '';
  return URL.parse(url.replaceAll(/[{}]/g, ''), 'http://server/')?.pathname ?? '';
}

/** The schemas of 3.0 as those of 2020-12: `nullable`, and exclusive bounds, which are flags there. */
function modern(value: Json, named: boolean): Json {
  if (Array.isArray(value)) return value.map((child) => modern(child, false));
  if (!isObject(value)) return value;
  const made: Record<string, Json> = {};
  for (const [key, child] of Object.entries(value))
    made[key] = modern(child, !named && (key === 'properties' || key === 'schemas'));
  if (named) return made;
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof made[flag] !== 'boolean') continue;
    const limit = made[bound];
    const exclusive = made[flag];
    delete made[flag];
    if (!exclusive || limit === undefined) continue;
    made[flag] = limit;
    delete made[bound];
  }
  if (made.nullable === true && typeof made.type === 'string') {
    made.type = [made.type, 'null'];
    if (Array.isArray(made.enum) && !made.enum.includes(null)) made.enum = [...made.enum, null];
  }
  delete made.nullable;
  return made;
}
