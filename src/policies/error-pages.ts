import { type Static, Type } from 'typebox';
import { headerNameKey, isFramingHeader } from '../lib/header-names.ts';
import { fields, list, refined, text } from '../lib/schema.ts';
import { compileTextTemplate, type TextTemplate, templateProblem } from '../lib/text-template.ts';
import type { Exchange, ResponseFields } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import type { Reply } from '../pipeline/reply.ts';

/** Both are safe in any text format: digits, and letters, digits and `.:/+=@_-`. */
const VARIABLES: Readonly<Record<string, (x: Exchange) => string>> = {
  status: (x) => String(x.response.status),
  requestId: (x) => x.requestId,
};

const compileBody = (body: string): TextTemplate<Exchange> =>
  compileTextTemplate(
    body,
    (name) => (Object.hasOwn(VARIABLES, name) ? VARIABLES[name]! : null),
    Object.keys(VARIABLES).join(' and '),
  );

const page = fields(
  {
    statuses: list(
      Type.String({
        description: 'A status as text, or a class: `"404"`, `5xx`.',
        pattern: '^([45][0-9][0-9]|[45]xx)$',
        'x-hint': 'write a status from "400" to "599", 4xx or 5xx',
        maxLength: 3,
      }),
      'Statuses that it is for. A status goes before its class, an earlier page before a later one.',
      { minItems: 1, maxItems: 32 },
    ),
    contentType: text('Content-Type of the page.', {
      default: 'text/html; charset=utf-8',
      minLength: 3,
      maxLength: 256,
      pattern: '^[\\x20-\\x7e]*$',
      'x-hint': 'printable ASCII, on one line',
    }),
    body: refined(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
      text('The page; `${status}` and `${requestId}` are filled in, `$${` stands for `${`.', {
        maxLength: 65_536,
      }),
      (written) => templateProblem(() => compileBody(written)),
    ),
  },
  'One page.',
);

const schema = fields(
  {
    pages: list(page, 'Pages by status.', { minItems: 1, maxItems: 32 }),
    upstream: Type.Boolean({
      description: "Also in place of the backend's own error answers.",
      default: false,
    }),
  },
  "The route's own pages in place of problem details, for errors that the gateway answers; the status and other headers stay.",
);

type Page = Static<typeof page>;
type CompiledPage = readonly [contentType: string, body: TextTemplate<Exchange>];

export const errorPages = definePolicy({
  name: 'errorPages',
  phase: 'edge',
  summary: "Answers errors with the route's own pages.",
  schema,
  bind({ pages, upstream }) {
    const byStatus = pagesByStatus(pages);
    return {
      onResponse(x) {
        const { response } = x;
        if (!response.madeHere && !upstream) return;
        const found = byStatus.get(response.status);
        if (found !== undefined) response.replace(pageReply(x, found));
      },
    };
  },
});

function pagesByStatus(pages: readonly Page[]): ReadonlyMap<number, CompiledPage> {
  const exact = new Map<number, CompiledPage>();
  const byClass = new Map<number, CompiledPage>();
  for (const { statuses, contentType, body } of pages) {
    const compiled = [contentType, compileBody(body)] as const;
    for (const text of statuses) {
      const [found, key] = text.endsWith('xx') ? [byClass, Number(text[0])] : [exact, Number(text)];
      if (!found.has(key)) found.set(key, compiled);
    }
  }
  for (let status = 400; status < 600; status++) {
    const fallback = byClass.get(Math.floor(status / 100));
    if (fallback !== undefined && !exact.has(status)) exact.set(status, fallback);
  }
  return exact;
}

function pageReply(x: Exchange, [contentType, body]: CompiledPage): Reply {
  const kept = keptLines(x.response);
  return {
    status: x.response.status,
    headers: [...kept, ['content-type', contentType]],
    body: body.render(x),
  };
}

/** They speak of the body that goes (RFC 9110 section 8, 14; RFC 9530). */
const OF_BODY = /^(content-(?!security-policy).*|etag|last-modified|accept-ranges|digest|repr-digest)$/;
/** What the gateway does not pass on or writes itself. */
const OF_SERVER = new Set(['alt-svc', 'date', 'server', 'via', 'x-gateway-response-time', 'x-powered-by']);

/** Challenges, cookies, Retry-After, Vary and the like still hold. */
function keptLines(response: ResponseFields): readonly (readonly [string, string])[] {
  const listed =
    response
      .header('connection')
      ?.toLowerCase()
      .split(/[\s,]+/) ?? [];
  return response.headerEntries().filter(([name]) => {
    const key = headerNameKey(name);
    return !isFramingHeader(key) && !OF_BODY.test(key) && !OF_SERVER.has(key) && !listed.includes(key);
  });
}
