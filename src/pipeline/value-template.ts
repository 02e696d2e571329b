import { isFramingHeader } from '../lib/header-names.ts';
import { compileTextTemplate, type TextTemplate, type Variable } from '../lib/text-template.ts';
import type { Exchange } from './exchange.ts';

const HEADER = /^header\.([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/;

/** None can hold a line break: a header's value was checked by the parser, the others are made of safe characters. */
const VARIABLES: ReadonlyMap<string, Variable<Exchange>> = new Map([
  ['requestId', (x) => x.requestId],
  ['clientAddress', (x) => x.client.address],
  ['method', (x) => x.request.method],
  ['scheme', (x) => x.request.scheme],
  ['host', (x) => x.request.host],
  ['path', (x) => x.request.path],
]);

const KNOWN = `${[...VARIABLES.keys()].join(', ')} and header.NAME`;

/** A header's value with `${requestId}` and the like. @throws Error as {@link compileTextTemplate} */
export function compileValue(text: string): TextTemplate<Exchange> {
  return compileTextTemplate(text, variableNamed, KNOWN);
}

function variableNamed(name: string): Variable<Exchange> | null {
  const header = HEADER.exec(name)?.[1]?.toLowerCase();
  if (header === undefined) return VARIABLES.get(name) ?? null;
  return isFramingHeader(header) ? null : (x) => x.request.header(header) ?? '';
}
