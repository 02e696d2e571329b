import type { Options } from 'ajv';
import { fullFormats } from 'ajv-formats/dist/formats.js';

/** What holds for every schema of ours, however it is compiled. */
export const AJV_OPTIONS = {
  useDefaults: true,
  strict: true,
  // `type` beside `anyOf`, and `required` of a field that another keyword names, are fine in our schemas.
  strictTypes: false,
  strictRequired: false,
  validateSchema: false,
  formats: fullFormats,
  // Making the code smaller takes longer than the code ever saves.
  code: { optimize: false },
} satisfies Options;
