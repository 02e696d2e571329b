import { Type } from 'typebox';
import { methodProblem } from '../../lib/method-text.ts';
import {
  cidr,
  exactlyOneOf,
  fields,
  list,
  listByName,
  marker,
  refined,
  text,
  token,
} from '../../lib/schema.ts';

const PATH = {
  minLength: 1,
  maxLength: 1024,
  pattern: '^/[^?#]*$',
  'x-hint': 'a path begins with / and has no ? or #',
};
/** Long enough for any honest expression, short enough to compile at once. */
const REGEX = { minLength: 1, maxLength: 1024 };

const pathMatch = exactlyOneOf(
  ['exact', 'prefix', 'template', 'regex'],
  {
    exact: Type.Optional(text('The whole path. Ending in `/*` it is read as a prefix.', PATH)),
    prefix: Type.Optional(
      text(
        'On segment boundaries: `/api` takes `/api` and `/api/x`, not `/apix`. `/api/*` says the same.',
        PATH,
      ),
    ),
    template: Type.Optional(
      text('The whole path; `{name}` takes one segment that is not empty: `/users/{id}/orders`.', PATH),
    ),
    regex: Type.Optional(text('RE2 syntax, anchored at both ends.', REGEX)),
  },
  'How the path is compared: exactly one of exact, prefix, template, regex.',
);

const VALUE_TESTS = ['exact', 'prefix', 'regex', 'present', 'absent'] as const;

const valueTest = {
  exact: Type.Optional(text('The whole value.', { maxLength: 4096 })),
  prefix: Type.Optional(text('The beginning of the value.', { minLength: 1 })),
  regex: Type.Optional(text('RE2 syntax, anchored at both ends.', REGEX)),
  present: Type.Optional(marker('`{}`: it must be there, with any value.')),
  absent: Type.Optional(marker('`{}`: it must not be there.')),
};

function namedTest(name: ReturnType<typeof text>, what: string) {
  return exactlyOneOf(
    VALUE_TESTS,
    { name, ...valueTest },
    `One ${what}: its name, and exactly one of exact, prefix, regex, present, absent.`,
  );
}

const name = (what: string) => text(`Name of the ${what}, as written.`, { minLength: 1, maxLength: 256 });

export const routeMatch = fields(
  {
    path: Type.Optional(pathMatch),
    methods: Type.Optional(
      list(
        refined(token('A method, in capitals: `GET`.'), methodProblem),
        'Any of these methods; none: every method.',
        { maxItems: 16 },
      ),
    ),
    headers: Type.Optional(
      listByName(namedTest(token('Name of the header, in any case.'), 'header'), 'All of these headers.', {
        maxItems: 16,
      }),
    ),
    query: Type.Optional(
      listByName(namedTest(name('query parameter'), 'query parameter'), 'All of these query parameters.', {
        maxItems: 16,
      }),
    ),
    cookies: Type.Optional(
      listByName(namedTest(name('cookie'), 'cookie'), 'All of these cookies.', { maxItems: 16 }),
    ),
    clientAddresses: Type.Optional(
      list(cidr('A CIDR block or an address: `10.0.0.0/8`.'), 'The client is in any of these blocks.', {
        maxItems: 64,
      }),
    ),
    claims: Type.Optional(
      listByName(
        namedTest(name('claim'), 'claim'),
        'All of these claims of the bearer token. They choose a route, they never admit: add the `jwt` policy.',
        { maxItems: 16 },
      ),
    ),
  },
  'One alternative: all of it must hold.',
);
