import { parseDocument } from 'yaml';

/** What a text of YAML or JSON says, or what is wrong with it. */
export type DocumentText =
  | { readonly ok: true; readonly value: object }
  | { readonly ok: false; readonly message: string };

/** As many characters as a ConfigMap can have. */
const MAX_CHARS = 1_048_576;
const MAX_ALIASES = 100;
const MAX_KEPT = 64;

const read = new Map<string, DocumentText>();

/** The same object for the same text: what is made of it is made once. Kept for the texts that were asked for last. */
export function documentOf(text: string): DocumentText {
  const known = read.get(text);
  if (known !== undefined) {
    read.delete(text);
    read.set(text, known);
    return known;
  }
  const made = parse(text);
  read.set(text, made);
  if (read.size > MAX_KEPT) read.delete(read.keys().next().value!);
  return made;
}

function parse(text: string): DocumentText {
  if (text.length > MAX_CHARS) return { ok: false, message: `has more than ${MAX_CHARS} characters` };
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { ok: false, message: `is no YAML: ${error.message}` };
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (typeof value !== 'object' || value === null) return { ok: false, message: 'is no object' };
    // Plain JSON: no dates, no shared parts, no keys that are not text.
    return { ok: true, value: JSON.parse(JSON.stringify(value)) as object };
  } catch (error) {
    return {
      ok: false,
      message: `can not be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
