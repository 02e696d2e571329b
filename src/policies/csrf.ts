import { compileOrigins, originPatternProblem } from '../lib/origin.ts';
import { fields, list, refined, text } from '../lib/schema.ts';
import type { RequestFields } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { problem } from '../pipeline/reply.ts';

/** They change nothing (RFC 9110 section 9.2.1), so nothing is won by forging them. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const schema = fields(
  {
    trustedOrigins: list(
      refined(
        text('`https://app.example.com`, or `https://*.example.com` for its sub-domains.', {
          maxLength: 512,
        }),
        (origin) =>
          origin === '*' || origin === 'null'
            ? `${origin} would trust every site`
            : originPatternProblem(origin),
      ),
      'Other origins whose pages may send such requests.',
      { maxItems: 64, default: [] },
    ),
  },
  'Refuses requests that change something and that a page of another origin made a browser send: all but GET, HEAD, ' +
    'OPTIONS and TRACE, and every WebSocket. Clients that are no browsers are let through.',
);

const REFUSAL = problem(403, 'This request was sent from a page of another site.');

export const csrf = definePolicy({
  name: 'csrf',
  phase: 'edge',
  summary: 'Refuses cross-site request forgery by Sec-Fetch-Site and Origin; 403.',
  schema,
  bind({ trustedOrigins }) {
    const isTrusted = compileOrigins(trustedOrigins);
    return {
      onRequest({ request }) {
        if (SAFE.has(request.method) && request.header('upgrade') === null) return undefined;
        const origin = request.header('origin');
        if (origin !== null && isTrusted(origin)) return undefined;
        return isSameOrigin(request, origin) ? undefined : REFUSAL;
      },
    };
  },
});

/**
 * Browsers set Sec-Fetch-Site and no page can forge it; those that don't know it send Origin with what is not safe. A
 * request with neither comes from no browser, so there is no one to trick.
 */
function isSameOrigin(request: RequestFields, origin: string | null): boolean {
  const site = request.header('sec-fetch-site');
  if (site !== null) return site === 'same-origin' || site === 'none';
  if (origin === null) return true;
  const authority = request.header('host');
  // Without the scheme: behind a proxy that ends TLS, ours is not the browser's.
  return authority !== null && hostOf(origin) === authority.toLowerCase();
}

function hostOf(origin: string): string | null {
  const at = origin.indexOf('://');
  return at === -1 ? null : origin.slice(at + 3);
}
