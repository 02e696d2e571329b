import { parseDuration } from '../../lib/duration.ts';
import { fieldText, jsonText } from '../../lib/json-text.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import { compileJsonTemplate } from './json-template.ts';
import { jsonataPool } from './jsonata-pool.ts';
import type { MappingConfig } from './schema.ts';

/** What became of a body. */
export type Mapped =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** It is to stay as it is. */
  | { readonly kind: 'same' }
  /** It is no JSON. */
  | { readonly kind: 'invalid' }
  /** The mapping failed. The reason is for the operator. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface Mapping {
  map(bytes: Uint8Array, x: Exchange): Mapped | Promise<Mapped>;
  /** The rule is over. */
  close(): void;
}

const SAME: Mapped = { kind: 'same' };
const INVALID: Mapped = { kind: 'invalid' };

function made(json: string): Mapped {
  return { kind: 'bytes', bytes: Buffer.from(json, 'utf8') };
}

/** @throws Error for the operator when an expression or a template can't be read */
export function compileMapping(config: MappingConfig): Mapping {
  const { wrap, unwrap, template, jsonata } = config;
  if (wrap !== undefined) return textual(wrapping(wrap));
  if (unwrap !== undefined) return textual(unwrapping(unwrap));
  if (template !== undefined) {
    const compiled = compileJsonTemplate(template);
    return textual((json, x) => made(compiled.render({ json, x })));
  }
  return evaluating(jsonata!, parseDuration(config.timeout));
}

type TextMapping = (json: string, x: Exchange) => Mapped | Promise<Mapped>;

function textual(map: TextMapping): Mapping {
  return {
    map(bytes, x) {
      const json = jsonText(bytes);
      return json === null ? INVALID : map(json, x);
    },
    close: () => undefined,
  };
}

function wrapping(name: string): TextMapping {
  const before = `{${JSON.stringify(name)}:`;
  return (json) => made(`${before}${json}}`);
}

function unwrapping(name: string): TextMapping {
  return (json) => {
    const value = fieldText(json, name);
    return value === null ? SAME : made(value);
  };
}

function evaluating(expression: string, timeoutMs: number): Mapping {
  jsonataPool.enter();
  const { map } = textual(async (input, { requestId, request }) => {
    const { method, host, path } = request;
    const variables = { requestId, method, host, path };
    try {
      return made(await jsonataPool.evaluate({ expression, input, variables, timeoutMs }));
    } catch (error) {
      return { kind: 'failed', reason: (error as Error).message };
    }
  });
  return { map, close: () => jsonataPool.leave() };
}
