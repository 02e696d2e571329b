import { Type } from 'typebox';
import { answerHeaderName, headerText } from '../../lib/header-schema.ts';
import { choice, duration, exactlyOneOf, fields, list, text } from '../../lib/schema.ts';

const PATH = {
  minLength: 1,
  maxLength: 1024,
  pattern: '^/[^?#]*$',
  'x-hint': 'a path begins with / and has no ? or #',
};
const HOST = {
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9._\\[\\]:-]+$',
  'x-hint': 'a host name or address',
};

const pathRewrite = exactlyOneOf(
  ['replacePrefix', 'full', 'regex'],
  {
    replacePrefix: Type.Optional(
      text("Takes the place of what the match's prefix took; `/` strips it.", PATH),
    ),
    full: Type.Optional(text('Takes the place of the whole path.', PATH)),
    regex: Type.Optional(
      fields(
        {
          pattern: text('RE2 syntax; every place where it fits is replaced.', { minLength: 1 }),
          substitution: text('What is put there; `$1` is a group of the pattern; named groups go in braces.'),
        },
        'Replaces a part of the path.',
      ),
    ),
  },
  'How the path changes: exactly one of replacePrefix, full, regex. The query stays.',
);

export const rewrite = fields(
  {
    path: Type.Optional(pathRewrite),
    host: Type.Optional(text("Sent as Host; none: the client's.", HOST)),
  },
  'Changes of the request before it is forwarded.',
);

export const timeouts = fields(
  {
    request: Type.Optional(
      duration(
        "From the head of the request to the last byte of the answer; `0s`: none. Default: the gateway's.",
      ),
    ),
    backend: Type.Optional(
      duration("Each try: from sending it to the head of the answer; `0s`: none. Default: the gateway's."),
    ),
    idle: Type.Optional(
      duration("No byte in either direction for so long; `0s`: never. Default: the gateway's."),
    ),
  },
  'Time-outs of this rule. Durations as `30s`, `1m30s`, `250ms`.',
);

function delays(what: string) {
  return fields(
    {
      base: duration('The first delay, and the step.', '25ms'),
      max: duration('No delay is longer.', '1s'),
    },
    what,
  );
}

export const retry = fields(
  {
    attempts: Type.Integer({
      description: 'Extra tries after the first.',
      default: 2,
      minimum: 1,
      maximum: 10,
    }),
    when: list(
      Type.String({
        description: '`connect`, `reset`, `timeout`, or a status from 500 to 599 as text.',
        pattern: '^(connect|reset|timeout|5[0-9][0-9])$',
        'x-hint': 'use connect, reset, timeout, or a status like "503"',
        maxLength: 7,
      }),
      'Failures that are tried again: no connection; a connection that broke before the answer; a backend time-out; a status. ' +
        'Requests that are not idempotent are tried again only if no byte of them was sent.',
      { minItems: 1, maxItems: 16, default: ['connect', 'reset'] },
    ),
    backoff: Type.Optional(
      exactlyOneOf(
        ['exponential', 'linear'],
        {
          exponential: Type.Optional(delays('Doubles from base to max, with full jitter.')),
          linear: Type.Optional(delays('Grows by base up to max, with full jitter.')),
        },
        'Delay before a try: exactly one of exponential, linear. Default: exponential, from 25ms to 1s.',
      ),
    ),
    budget: Type.String({
      description:
        "Retries are at most this share of the backend's requests under way, and always at least 3.",
      default: '20%',
      pattern: '^(100|[0-9]{1,2}(\\.[0-9]+)?)%$',
      'x-hint': 'a percentage from 0% to 100%, like 20%',
      maxLength: 8,
    }),
  },
  'When a failed try is tried again, on another endpoint where there is one.',
  { 'x-meant': { on: 'when' } },
);

export const hedge = fields(
  {
    after: duration('How long the first try may be unanswered before the second is sent.'),
  },
  'Sends idempotent requests a second time, to another endpoint, while the first try is unanswered; the first answer is ' +
    "taken and the other try is cut. Counts against the retry budget of the backend (20% where `retry` doesn't say).",
);

export const redirect = fields(
  {
    scheme: Type.Optional(choice(['http', 'https'], 'None: as in the request.')),
    host: Type.Optional(text('None: as in the request.', HOST)),
    port: Type.Optional(
      Type.Integer({
        description: 'None: the well-known port of `scheme` where that is given, else as in the request.',
        minimum: 1,
        maximum: 65535,
      }),
    ),
    path: Type.Optional(pathRewrite),
    status: Type.Unsafe<301 | 302 | 303 | 307 | 308>({
      type: 'integer',
      enum: [301, 302, 303, 307, 308],
      default: 302,
      description: '301 and 308 are kept by clients for good; 307 and 308 keep the method and the body.',
    }),
  },
  'Answers with a redirect.',
);

export const respond = fields(
  {
    status: Type.Integer({ description: 'Status of the answer.', default: 200, minimum: 200, maximum: 599 }),
    headers: Type.Optional(
      list(
        fields(
          {
            name: answerHeaderName('Name of the header.'),
            value: headerText('Its value.'),
          },
          'One header line.',
        ),
        'Headers of the answer.',
        { maxItems: 32 },
      ),
    ),
    body: text('Body of the answer.', { default: '', maxLength: 65536 }),
  },
  'Answers without a backend.',
);
