import { type Static, Type } from 'typebox';
import { parseDuration } from '../lib/duration.ts';
import { methodProblem } from '../lib/method-text.ts';
import { compileOrigins, originPatternProblem } from '../lib/origin.ts';
import { duration, fields, list, refined, text, token } from '../lib/schema.ts';
import type { RequestFields, ResponseFields } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem, type Reply } from '../pipeline/reply.ts';

/** Of the Fetch standard, section 3.3: https://fetch.spec.whatwg.org/#http-cors-protocol */

const schema = refined(
  fields(
    {
      origins: list(
        refined(
          text(
            '`https://app.example.com`; `https://*.example.com` for its sub-domains at any depth; `null` for pages without an origin; `*` for all.',
            { maxLength: 512 },
          ),
          originPatternProblem,
        ),
        'Origins whose pages may read the answers. Scheme and port must be the same.',
        { minItems: 1, maxItems: 64 },
      ),
      methods: list(
        refined(token('A method, in capitals, or `*`.'), methodProblem),
        'Methods that such pages may use.',
        { maxItems: 32, default: ['GET', 'HEAD', 'POST'] },
      ),
      headers: list(
        token('Name of a header, or `*` for every one but Authorization.'),
        'Request headers that such pages may set, besides those that every page may.',
        { maxItems: 64, default: [] },
      ),
      exposedHeaders: list(
        token('Name of a header, or `*`.'),
        'Headers of answers that such pages may read, besides those that every page may.',
        { maxItems: 64, default: [] },
      ),
      credentials: Type.Boolean({
        description: 'Whether such pages may send cookies and client certificates, and read what comes back.',
        default: false,
      }),
      maxAge: Type.Optional(duration('How long browsers remember a preflight; none: 5 seconds.')),
      privateNetwork: Type.Boolean({
        description: 'Whether pages of the public network may call this server in a private one.',
        default: false,
      }),
    },
    'Which pages of other origins may call this route from a browser. Preflights are answered here; the ' +
      "backend's own Access-Control headers are replaced.",
  ),
  ({ origins, exposedHeaders, credentials }) => {
    if (!credentials) return null;
    if (origins.includes('*'))
      return 'with credentials, name the origins: * would let every site act as your users';
    if (origins.includes('null'))
      return 'with credentials, name the origins: every site can make a frame whose origin is null';
    if (exposedHeaders.includes('*'))
      return 'with credentials, name the exposedHeaders: browsers take * as a name';
    return null;
  },
);

type Config = Static<typeof schema>;

/** What a backend may have written about the same matter. */
const OWNED = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
] as const;

const REFUSAL = problem(403, 'Pages of this origin may not call this resource.');

export const cors = definePolicy({
  name: 'cors',
  phase: 'edge',
  summary: 'Says which pages of other origins may call from a browser, and answers preflights.',
  schema,
  bind(config) {
    const isAllowed = compileOrigins(config.origins);
    const everyOrigin = config.origins.includes('*');
    const preflight = preflightReply(config);
    const exposed = config.exposedHeaders.join(', ');
    return {
      onRequest({ request }) {
        if (!isPreflight(request)) return undefined;
        return isAllowed(request.header('origin')!) ? preflight(request) : REFUSAL;
      },
      onResponse({ request, response }) {
        if (!response.madeHere) response.removeHeaders(OWNED);
        if (!everyOrigin) addVary(response, 'Origin');
        const origin = everyOrigin ? '*' : request.header('origin');
        // The star goes on every answer: one without, kept by a browser, would be what a page of another origin gets.
        if (origin === null || !isAllowed(origin)) return;
        response.setHeader('access-control-allow-origin', origin);
        if (config.credentials) response.setHeader('access-control-allow-credentials', 'true');
        if (exposed !== '' && !isPreflight(request))
          response.setHeader('access-control-expose-headers', exposed);
      },
    };
  },
});

/** Fetch standard, section 3.2.2: no other OPTIONS request has both. */
function isPreflight(request: RequestFields): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.header('origin') !== null &&
    request.header('access-control-request-method') !== null
  );
}

/**
 * What is allowed is always said in full, whatever was asked for: a browser then names in its console what is missing.
 * With credentials `*` is an ordinary name, so there what was asked for is repeated.
 */
function preflightReply(config: Config): (request: RequestFields) => Reply {
  const fixed: (readonly [string, string])[] = [];
  const asked: (readonly [name: string, from: string])[] = [];
  const allow = (name: string, values: readonly string[], from: string) => {
    if (config.credentials && values.includes('*')) asked.push([name, from]);
    else if (values.length > 0) fixed.push([name, values.join(', ')]);
  };
  allow('access-control-allow-methods', config.methods, 'access-control-request-method');
  allow('access-control-allow-headers', config.headers, 'access-control-request-headers');
  if (config.maxAge !== undefined) {
    fixed.push(['access-control-max-age', String(Math.floor(parseDuration(config.maxAge) / 1000))]);
  }
  fixed.push(['vary', 'Access-Control-Request-Method, Access-Control-Request-Headers']);
  return (request) => {
    const headers = [...fixed];
    for (const [name, from] of asked) {
      const value = request.header(from);
      if (value !== null) headers.push([name, value]);
    }
    if (config.privateNetwork && request.header('access-control-request-private-network') === 'true') {
      headers.push(['access-control-allow-private-network', 'true']);
    }
    return { status: 204, headers, body: '' };
  };
}

/** The answer differs by that header of the request, so caches must tell by it (RFC 9110 section 12.5.5). */
function addVary(response: ResponseFields, name: string): void {
  const written = response.header('vary');
  const named = written === null ? [] : written.toLowerCase().split(/\s*,\s*/);
  if (!named.includes('*') && !named.includes(name.toLowerCase())) response.addHeader('vary', name);
}
