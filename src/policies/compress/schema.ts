import { type Static, Type } from 'typebox';
import { CODINGS } from '../../lib/codings.ts';
import { mediaTypeProblem } from '../../lib/media-types.ts';
import { choice, fields, list, quantity, refined } from '../../lib/schema.ts';

const TYPES = [
  'text/*',
  'application/json',
  'application/*+json',
  'application/x-ndjson',
  'application/javascript',
  'application/xml',
  'application/*+xml',
  'application/wasm',
  'image/svg+xml',
  'font/ttf',
  'font/otf',
];

const level = (coding: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `Level of ${coding}.`, default: fallback, minimum, maximum });

export const schema = fields(
  {
    codings: list(
      choice(CODINGS, 'A content coding.'),
      'Codings; the first goes before others that a client likes as much.',
      {
        minItems: 1,
        maxItems: 3,
        default: [...CODINGS],
      },
    ),
    levels: {
      ...fields(
        { gzip: level('gzip', 5, 1, 9), br: level('brotli', 4, 0, 11), zstd: level('zstd', 3, 1, 19) },
        'How hard to try. Higher levels take several times the processor time.',
      ),
      default: {},
    },
    minBytes: quantity('An answer that says that it is smaller goes out as it is.', '1Ki'),
    types: list(
      refined(
        Type.String({
          description: 'A media type: `application/json`, `text/*`, `application/*+json`.',
          maxLength: 128,
        }),
        mediaTypeProblem,
      ),
      'Content-Types that are worth it.',
      { minItems: 1, maxItems: 64, default: TYPES },
    ),
  },
  'Compresses answers for clients that take it.',
);

export type CompressConfig = Static<typeof schema>;
