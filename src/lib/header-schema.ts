import { removalProblem, requestNameProblem, responseNameProblem } from './header-names.ts';
import { refined, text, token } from './schema.ts';

/** Name of a header that is written into requests, or taken out of them. */
export function requestHeaderName(description: string) {
  return refined(token(description), requestNameProblem);
}

/** Name of a header that is written into answers. */
export function answerHeaderName(description: string) {
  return refined(token(description), responseNameProblem);
}

/** Name of a header of the backend's answer that is read and taken out. */
export function takenAnswerHeaderName(description: string) {
  return refined(token(description), removalProblem);
}

/** Text that goes into a header as it is: what can't stand there is refused before any request meets it. */
export function headerText(description: string, options: { readonly minLength?: number } = {}) {
  return text(description, {
    maxLength: 4096,
    ...options,
    pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$',
    'x-hint': 'no line breaks or other control characters, nothing beyond Latin-1',
  });
}

/** `realm` of a challenge in `WWW-Authenticate` (RFC 9110 section 11.5). */
export function realm(description: string, fallback?: string) {
  return text(description, {
    ...(fallback === undefined ? {} : { default: fallback }),
    minLength: 1,
    maxLength: 128,
    pattern: '^[\\x20-\\x7e]*$',
    'x-hint': 'printable ASCII, on one line',
  });
}
