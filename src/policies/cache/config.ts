import { type Static, Type } from 'typebox';
import { parseDuration } from '../../lib/duration.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import {
  choice,
  duration,
  fields,
  list,
  objectName,
  quantity,
  refined,
  text,
  token,
} from '../../lib/schema.ts';
import type { Rules } from './freshness.ts';

const parameter = text(
  'Name of a parameter as it is written in the URL; `*` at its end stands for anything.',
  {
    minLength: 1,
    maxLength: 128,
    pattern: '^[^&=#\\s*]*[*]?$',
  },
);

const query = refined(
  fields(
    {
      ignore: Type.Optional(list(parameter, 'All but these.', { minItems: 1, maxItems: 64 })),
      only: Type.Optional(list(parameter, 'None but these.', { maxItems: 64 })),
    },
    'Which parameters of the query tell answers apart. The others are not sent to the backend, either.',
  ),
  ({ ignore, only }) =>
    ignore !== undefined && only !== undefined ? 'write ignore or only, not both' : null,
);

const key = fields(
  {
    headers: list(
      token('A request header.'),
      'Headers whose values tell answers apart, beside those that Vary names.',
      {
        maxItems: 16,
        default: [],
      },
    ),
    query: Type.Optional(query),
    users: choice(
      ['separate', 'shared'],
      'separate: who was authenticated by a policy of the rule gets only answers that were made for him; shared: all get the same.',
      { default: 'separate' },
    ),
  },
  'What tells answers apart, beside route, rule, host, path and query.',
);

const identifying = (what: string, rfc: string) =>
  choice(
    ['rfc', 'key', 'ignore'],
    `Requests with ${what}. rfc: ${rfc}; key: each has answers of its own; ignore: it makes no difference.`,
    { default: 'rfc' },
  );

const answerStatus = fields(
  {
    status: Type.Integer({ description: 'Status of 400 and more.', minimum: 400, maximum: 599 }),
    ttl: duration('How long answers of this status are kept, whatever the backend says of it.'),
  },
  'Errors are kept only when the backend says for how long, and of those only 404 and 410.',
);

export const schema = fields(
  {
    ttl: Type.Optional(
      duration(
        'How long answers are kept, in place of max-age, s-maxage and Expires; all other directives of the backend hold. None: as the backend says.',
      ),
    ),
    errorTtl: list(answerStatus, 'How long errors are kept.', {
      maxItems: 8,
      default: [],
      'x-unique-by': 'status',
    }),
    heuristic: Type.Boolean({
      description:
        'Keep answers of which nobody says how long for a tenth of the time since their Last-Modified.',
      default: false,
    }),
    staleWhileRevalidate: Type.Optional(
      duration(
        'How long after its time an answer is served while a new one is fetched. None: as the backend says.',
      ),
    ),
    staleIfError: Type.Optional(
      duration(
        'How long after its time an answer is served when the backend fails. None: as the backend says.',
      ),
    ),
    key: { ...key, default: {} },
    authorization: identifying(
      'Authorization',
      'their answers are kept only where the backend says public, must-revalidate or s-maxage (RFC 9111 section 3.5), and never by ttl alone',
    ),
    cookies: identifying('Cookie', 'they go past the cache where ttl decides; else as any other'),
    setCookie: choice(
      ['refuse', 'strip'],
      'Answers with Set-Cookie. refuse: are not kept; strip: are kept without it.',
      { default: 'refuse' },
    ),
    maxBody: refined(quantity('Answers with larger bodies pass, and are not kept.', '1Mi'), (written) =>
      parseQuantity(written) > 64 * 1024 * 1024 ? `${written} is more than 64Mi` : null,
    ),
    maxVariants: Type.Integer({
      description: 'Answers of one URL that differ by what Vary names.',
      default: 32,
      minimum: 1,
      maximum: 1024,
    }),
    requestDirectives: choice(
      ['honour', 'ignore'],
      'Cache-Control of requests. ignore: clients can not ask for a new answer.',
      { default: 'honour' },
    ),
    wait: duration('How long a request waits for another one that asks for the same; 0s: not at all.', '5s'),
    cacheStatus: Type.Boolean({ description: 'Add Cache-Status to answers (RFC 9211).', default: true }),
    store: Type.Optional(
      fields(
        {
          redis: fields(
            { ref: objectName("Name of a Redis connection of the gateway's configuration.") },
            'A Redis server.',
          ),
        },
        'Where answers are kept for all replicas. None: in the memory of each.',
      ),
    ),
  },
  'Keeps answers and serves them again, as a shared cache by RFC 9111.',
);

export type CacheConfig = Static<typeof schema>;

/** Units resolved. */
export interface Settings extends Rules {
  readonly maxBodyBytes: number;
  readonly waitMs: number;
}

export function settingsOf(config: CacheConfig): Settings {
  return {
    ttlMs: optionalMs(config.ttl),
    errorTtlMs: new Map(config.errorTtl.map(({ status, ttl }) => [status, parseDuration(ttl)])),
    heuristic: config.heuristic,
    whileRevalidateMs: optionalMs(config.staleWhileRevalidate),
    ifErrorMs: optionalMs(config.staleIfError),
    maxBodyBytes: parseQuantity(config.maxBody),
    waitMs: parseDuration(config.wait),
  };
}

function optionalMs(written: string | undefined): number | null {
  return written === undefined ? null : parseDuration(written);
}
