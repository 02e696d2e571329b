import { type Static, Type } from 'typebox';
import { parseDuration } from '../lib/duration.ts';
import { choice, duration, fields, refined, text } from '../lib/schema.ts';
import type { ResponseFields } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { cameByHttps } from '../pipeline/transport.ts';

const value = (description: string) =>
  Type.Optional(
    text(description, {
      minLength: 1,
      maxLength: 4096,
      pattern: '^[\\x20-\\x7e]*$',
      'x-hint': 'printable ASCII, on one line',
    }),
  );

const HSTS = 'strict-transport-security';
/** What the lists ask for. */
const PRELOAD_MS = 31_536_000_000;

const hsts = refined(
  fields(
    {
      maxAge: duration('How long browsers insist on HTTPS; `0s` makes them forget.', '8760h'),
      includeSubDomains: Type.Boolean({ description: 'For every sub-domain, too.', default: false }),
      preload: Type.Boolean({
        description: 'Agree to the lists that browsers ship; hard to take back.',
        default: false,
      }),
    },
    'Strict-Transport-Security (RFC 6797), sent only on requests that came by HTTPS, to us or to a trusted proxy.',
  ),
  ({ maxAge, includeSubDomains, preload }) =>
    preload && (!includeSubDomains || parseDuration(maxAge) < PRELOAD_MS)
      ? 'preload needs includeSubDomains and a maxAge of a year (8760h) or more, or the lists refuse it'
      : null,
);

const schema = fields(
  {
    hsts: Type.Optional(hsts),
    contentTypeOptions: choice(['nosniff', 'none'], 'X-Content-Type-Options.', { default: 'nosniff' }),
    frameOptions: choice(
      ['DENY', 'SAMEORIGIN', 'none'],
      'X-Frame-Options: who may show the page in a frame.',
      {
        default: 'SAMEORIGIN',
      },
    ),
    referrerPolicy: choice(
      [
        'no-referrer',
        'no-referrer-when-downgrade',
        'origin',
        'origin-when-cross-origin',
        'same-origin',
        'strict-origin',
        'strict-origin-when-cross-origin',
        'unsafe-url',
        'none',
      ],
      'Referrer-Policy.',
      { default: 'strict-origin-when-cross-origin' },
    ),
    contentSecurityPolicy: value('Content-Security-Policy.'),
    contentSecurityPolicyReportOnly: value('Content-Security-Policy-Report-Only.'),
    permissionsPolicy: value('Permissions-Policy.'),
    crossOriginOpenerPolicy: Type.Optional(
      choice(
        ['unsafe-none', 'same-origin-allow-popups', 'same-origin', 'noopener-allow-popups'],
        'Cross-Origin-Opener-Policy.',
      ),
    ),
    crossOriginEmbedderPolicy: Type.Optional(
      choice(['unsafe-none', 'require-corp', 'credentialless'], 'Cross-Origin-Embedder-Policy.'),
    ),
    crossOriginResourcePolicy: Type.Optional(
      choice(['same-site', 'same-origin', 'cross-origin'], 'Cross-Origin-Resource-Policy.'),
    ),
    override: Type.Boolean({
      description: "Take the place of the backend's own values; otherwise those stay.",
      default: false,
    }),
  },
  'Headers that make browsers careful, on every answer. `none` leaves one out.',
);

type Config = Static<typeof schema>;

export const securityHeaders = definePolicy({
  name: 'securityHeaders',
  phase: 'edge',
  summary:
    'Adds the headers that make browsers careful: HSTS, nosniff, frame options, CSP, referrer policy …',
  schema,
  bind(config) {
    const headers = fixedHeaders(config);
    const transport = config.hsts === undefined ? null : hstsValue(config.hsts);
    const { override } = config;
    return {
      onResponse(x) {
        const { response } = x;
        for (const [name, fixed] of headers) write(response, name, fixed, override);
        if (transport === null) return;
        // A browser ignores it on plain HTTP, and a server must not send it there (RFC 6797 section 7.2).
        if (cameByHttps(x)) write(response, HSTS, transport, override);
        else response.removeHeader(HSTS);
      },
    };
  },
});

function write(response: ResponseFields, name: string, fixed: string, override: boolean): void {
  if (override) response.setHeader(name, fixed);
  else if (response.header(name) === null) response.addHeader(name, fixed);
}

function fixedHeaders(config: Config): readonly (readonly [name: string, value: string])[] {
  const all: readonly (readonly [string, string | undefined])[] = [
    ['x-content-type-options', config.contentTypeOptions],
    ['x-frame-options', config.frameOptions],
    ['referrer-policy', config.referrerPolicy],
    ['content-security-policy', config.contentSecurityPolicy],
    ['content-security-policy-report-only', config.contentSecurityPolicyReportOnly],
    ['permissions-policy', config.permissionsPolicy],
    ['cross-origin-opener-policy', config.crossOriginOpenerPolicy],
    ['cross-origin-embedder-policy', config.crossOriginEmbedderPolicy],
    ['cross-origin-resource-policy', config.crossOriginResourcePolicy],
  ];
  return all.flatMap(([name, set]) => (set === undefined || set === 'none' ? [] : [[name, set] as const]));
}

function hstsValue({ maxAge, includeSubDomains, preload }: NonNullable<Config['hsts']>): string {
  const seconds = Math.floor(parseDuration(maxAge) / 1000);
  return `max-age=${seconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}
