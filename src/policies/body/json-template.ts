import { jsonText, pathText } from '../../lib/json-text.ts';
import { compileTextTemplate, type TextTemplate, type Variable } from '../../lib/text-template.ts';
import type { Exchange } from '../../pipeline/exchange.ts';

/** What the variables of a body's template are read from. */
export interface TemplateInput {
  /** The body, valid JSON. */
  readonly json: string;
  readonly x: Exchange;
}

const BODY = /^body((?:\.[^.]+)*)$/;
const HEADER = /^header\.([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/;

const quoted =
  (read: (x: Exchange) => string): Variable<TemplateInput> =>
  ({ x }) =>
    JSON.stringify(read(x));

const VARIABLES: ReadonlyMap<string, Variable<TemplateInput>> = new Map([
  ['requestId', quoted((x) => x.requestId)],
  ['clientAddress', quoted((x) => x.client.address)],
  ['method', quoted((x) => x.request.method)],
  ['host', quoted((x) => x.request.host)],
  ['path', quoted((x) => x.request.path)],
]);

const KNOWN = `body, body.FIELD, ${[...VARIABLES.keys()].join(', ')} and header.NAME`;

/**
 * Every variable is a whole JSON value in the text: what a client writes can't break out of its place.
 * @throws Error for the operator: unknown variables, or a text that does not become JSON
 */
export function compileJsonTemplate(text: string): TextTemplate<TemplateInput> {
  const template = compileTextTemplate(text, variableNamed, KNOWN);
  // A place where a string may stand but not a number is the name of a field, or inside a string.
  for (const value of ['"x"', '0']) {
    const sample = compileTextTemplate(text, () => () => value, KNOWN).render(null);
    if (jsonText(Buffer.from(sample)) === null) {
      throw new Error(
        'the text does not become JSON: write variables without quotes, where a value may stand',
      );
    }
  }
  return template;
}

function variableNamed(name: string): Variable<TemplateInput> | null {
  const body = BODY.exec(name)?.[1];
  if (body !== undefined) {
    const path = body.split('.').slice(1);
    return ({ json }) => pathText(json, path) ?? 'null';
  }
  const header = HEADER.exec(name)?.[1]?.toLowerCase();
  if (header === undefined) return VARIABLES.get(name) ?? null;
  return quoted((x) => x.request.header(header) ?? '');
}
