import { type Static, Type } from 'typebox';
import { isFramingHeader } from '../../lib/header-names.ts';
import { requestHeaderName } from '../../lib/header-schema.ts';
import { choice, duration, fields, list, quantity, refined, text, token } from '../../lib/schema.ts';

const names = (description: string, fallback: string[]) =>
  list(
    refined(token('Name of a header.'), (name) =>
      isFramingHeader(name) || name.toLowerCase() === 'host'
        ? `${name} belongs to one connection and can't be copied`
        : null,
    ),
    description,
    { maxItems: 64, default: fallback },
  );

export const externalAuthorizationSchema = fields(
  {
    url: text('The service that decides.', {
      minLength: 1,
      maxLength: 2048,
      pattern: '^https?://[^\\s#@]+$',
      'x-hint': 'write an http or https URL without user and fragment',
    }),
    timeout: duration('What one question may take.', '1s'),
    onError: choice(
      ['failClosed', 'failOpen'],
      'When it does not decide in time, or answers with 500 or above: 503, or the request goes on.',
      { default: 'failClosed' },
    ),
    requestHeaders: names('Headers of the request that it is told.', ['Authorization', 'Cookie']),
    bodyBytes: Type.Optional(
      quantity('It is told the body, too, up to this size; requests with a larger one get 413.'),
    ),
    upstreamHeaders: list(
      requestHeaderName('Name of a header.'),
      'Headers of its answer that the backend gets; what clients send in these is removed.',
      { maxItems: 64, default: [] },
    ),
    clientHeaders: names('Headers of its answer that the client gets with a refusal.', [
      'WWW-Authenticate',
      'Location',
      'Set-Cookie',
      'Content-Type',
    ]),
  },
  'A service of yours decides over each request: 2xx lets it pass, any other answer below 500 goes to the client.',
);

export type ExternalAuthorizationSchema = Static<typeof externalAuthorizationSchema>;
