import { credentialOf } from '../lib/auth-scheme.ts';
import { cookieValues, withoutCookie } from '../lib/cookie-text.ts';
import { queryValues, withoutQueryParam } from '../lib/query-text.ts';
import type { BoundAuthenticator } from './authenticator.ts';
import type { Exchange, RequestFields } from './exchange.ts';

/** A place of a request where a credential may stand, resolved: a request only reads. */
export interface Place {
  /** As in `BoundAuthenticator.leaves`. */
  readonly id: string;
  /** What stands there, scheme included: one string less to make for a credential that is known. Null: nothing. */
  read(x: Exchange): string | null;
  /** The credential in it; null when it is none of this scheme, so that it may be for others. */
  credentialIn(raw: string): string | null;
  /** Every credential that stands there. */
  all(x: Exchange): readonly string[];
  /** Takes out the credential; what is for others stays. */
  strip(request: RequestFields): void;
  /** More than one credential may stand there, each good by itself. */
  readonly holdsSeveral: boolean;
}

/** @param scheme what stands before the credential; empty: nothing */
export function headerPlace(header: string, scheme: string): Place {
  const [name, own] = [header.toLowerCase(), scheme.toLowerCase()];
  const credentialIn = own === '' ? notEmpty : (raw: string) => credentialOf(raw, own);
  const find = (request: RequestFields) => {
    const raw = request.header(name);
    return raw === null ? null : credentialIn(raw);
  };
  return {
    id: `header ${name}`,
    read: (x) => x.request.header(name),
    credentialIn,
    all(x) {
      const found = find(x.request);
      return found === null ? [] : [found];
    },
    strip(request) {
      if (own === '' || find(request) !== null) request.removeHeader(name);
    },
    holdsSeveral: false,
  };
}

export function queryPlace(name: string): Place {
  const all = ({ request }: Exchange) =>
    request.query === '' ? NONE : queryValues(request.query, name).filter(notEmpty);
  return {
    id: `query ${name}`,
    read: (x) => all(x)[0] ?? null,
    credentialIn: notEmpty,
    all,
    strip(request) {
      if (request.query === '') return;
      const left = withoutQueryParam(request.query, name);
      if (left !== request.query) request.setQuery(left);
    },
    holdsSeveral: true,
  };
}

export function cookiePlace(name: string): Place {
  const all = ({ request }: Exchange) =>
    request.headerLines('cookie').flatMap((line) => cookieValues(line, name).filter(notEmpty));
  return {
    id: `cookie ${name}`,
    read: (x) => all(x)[0] ?? null,
    credentialIn: notEmpty,
    all,
    strip(request) {
      if (request.cookie(name) === null) return;
      const lines = request.headerLines('cookie').map((line) => withoutCookie(line, name));
      request.removeHeader('cookie');
      for (const line of lines) if (line !== '') request.addHeader('cookie', line);
    },
    holdsSeveral: true,
  };
}

const NONE: readonly string[] = [];
const notEmpty = (raw: string) => (raw === '' ? null : raw);

/**
 * Tells whether a request has two different credentials in these places: only one of them would be proved, and the backend might
 * believe the other. Null: that can't be.
 */
export function ambiguity(places: readonly Place[]): ((x: Exchange) => boolean) | null {
  if (places.length === 1 && !places[0]!.holdsSeveral) return null;
  return function hasTwo(x) {
    let first: string | null = null;
    for (const place of places) {
      for (const credential of place.all(x)) {
        first ??= credential;
        if (credential !== first) return true;
      }
    }
    return false;
  };
}

export function stripAll(places: readonly Place[], request: RequestFields): void {
  for (const place of places) place.strip(request);
}

/** Of an authenticator that leaves the credential to the backend. */
export function leavingPlaces(places: readonly Place[]): Pick<BoundAuthenticator, 'leaves' | 'drop'> {
  return {
    leaves: places.map(({ id }) => id),
    drop(x, spared) {
      for (const place of places) if (!spared.includes(place.id)) place.strip(x.request);
    },
  };
}
