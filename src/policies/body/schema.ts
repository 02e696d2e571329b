import { type Static, Type } from 'typebox';
import { mediaTypeProblem } from '../../lib/media-types.ts';
import { duration, exactlyOneOf, list, quantity, refined, text } from '../../lib/schema.ts';
import { templateProblem } from '../../lib/text-template.ts';
import { compileJsonTemplate } from './json-template.ts';
import { jsonataProblem } from './jsonata-expression.ts';

const field = (description: string) => Type.Optional(text(description, { minLength: 1, maxLength: 256 }));

const properties = {
  wrap: field('The body becomes an object with this one field, whose value it is.'),
  unwrap: field('The value of this field of the body takes its place; a body without it stays.'),
  template: Type.Optional(
    refined(
      // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
      text(
        'JSON in which `${body}`, `${body.FIELD.FIELD}`, `${header.NAME}`, `${requestId}`, `${clientAddress}`, `${method}`, `${host}` and `${path}` ' +
          'stand for whole values, without quotes.',
        { minLength: 1, maxLength: 65_536 },
      ),
      // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
      (written) => templateProblem(() => compileJsonTemplate(written)),
    ),
  ),
  jsonata: Type.Optional(
    refined(
      text('A JSONata expression over the body; it may use `$requestId`, `$method`, `$host` and `$path`.', {
        minLength: 1,
        maxLength: 16_384,
      }),
      jsonataProblem,
    ),
  ),
  timeout: duration('How long `jsonata` may take; longer: the request fails.', '500ms'),
  maxBytes: quantity('Largest body that is mapped; it is held in memory.', '1Mi'),
  types: list(
    refined(Type.String({ description: 'A media type.', maxLength: 128 }), mediaTypeProblem),
    'Bodies of these Content-Types are mapped, others stay.',
    { minItems: 1, maxItems: 16, default: ['application/json', 'application/*+json'] },
  ),
};

const WAYS = ['wrap', 'unwrap', 'template', 'jsonata'] as const;

export const requestSchema = exactlyOneOf(
  WAYS,
  properties,
  'Maps JSON bodies of requests: exactly one of wrap, unwrap, template, jsonata.',
);

export const responseSchema = exactlyOneOf(
  WAYS,
  {
    ...properties,
    statuses: list(
      Type.String({
        description: 'A status as text, or a class: `"404"`, `2xx`.',
        pattern: '^([2-5][0-9][0-9]|[2-5]xx)$',
        'x-hint': 'write a status from "200" to "599", or 2xx to 5xx',
        maxLength: 3,
      }),
      'Answers of these statuses are mapped, others stay.',
      { minItems: 1, maxItems: 32, default: ['2xx'] },
    ),
  },
  "Maps JSON bodies of backends' answers: exactly one of wrap, unwrap, template, jsonata.",
);

export type MappingConfig = Static<typeof requestSchema>;
