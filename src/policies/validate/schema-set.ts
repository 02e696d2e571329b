import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { type Json, searching } from './document.ts';
import type { Dialect } from './plan.ts';

/** What is wrong with a value, without the value. */
export interface Fault {
  /** JSON Pointer into the value; empty: the whole. */
  readonly pointer: string;
  readonly detail: string;
}

const MAX_FAULTS = 10;
const DOCUMENT = 'document:';

/** The schemas of one document, each compiled when it is first asked: that takes milliseconds. */
export class SchemaSet {
  readonly #ajv: Ajv;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: Json, dialect: Dialect) {
    // The first fault ends it: a large body with many costs no more than one with few.
    const options = {
      allErrors: false,
      strict: false,
      // 1e400 is JSON, and a number to nobody.
      strictNumbers: true,
      validateSchema: false,
      ownProperties: true,
      formats: { ...fullFormats, binary: true as const, password: true as const },
      logger: false as const,
      code: { regExp: Object.assign(searching, { code: 'none' }) },
    };
    this.#ajv = dialect === 'draft-07' ? new Ajv(options as never) : new Ajv2020(options as never);
    this.#ajv.removeKeyword('uniqueItems');
    this.#ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', validate: areUnique, errors: false });
    this.#ajv.addSchema(document as object, DOCUMENT);
  }

  /** @throws Error when the schema at the pointer is none */
  compile(pointer: string): ValidateFunction {
    let check = this.#compiled.get(pointer);
    if (check === undefined) {
      check = this.#ajv.compile({ $ref: `${DOCUMENT}#${pointer}` });
      this.#compiled.set(pointer, check);
    }
    return check;
  }

  /** Empty: the value is good. */
  faults(pointer: string, value: unknown): readonly Fault[] {
    const check = this.compile(pointer);
    try {
      if (check(value)) return [];
    } catch (error) {
      // Values and schemas that are nested into one another without end.
      if (error instanceof RangeError) return [{ pointer: '', detail: 'is nested too deeply' }];
      throw error;
    }
    return (check.errors ?? []).slice(0, MAX_FAULTS).map(({ instancePath, message, keyword }) => ({
      pointer: instancePath,
      detail: message ?? `does not fit ${keyword}`,
    }));
  }
}

/** In linear time: ajv compares each item with each other one. */
function areUnique(wanted: boolean, items: readonly unknown[]): boolean {
  if (!wanted) return true;
  const seen = new Set<string>();
  for (const item of items) seen.add(canonical(item));
  return seen.size === items.length;
}

/** The same text for values that are equal: keys in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
