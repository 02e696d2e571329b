import { type OpenidProvider, ProviderFailure, type Tokens } from '../../outbound/openid.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import { authorityOf, cameByHttps } from '../../pipeline/transport.ts';
import { type Attempt, challengeOf } from './attempts.ts';
import type { OidcConfig } from './config.ts';
import { returnPath } from './navigation.ts';
import type { Parts } from './parts.ts';
import { nowSeconds } from './renewals.ts';
import { loginProblem, providerAway, redirect } from './replies.ts';
import { type Session, startSession } from './session.ts';
import { tooLargeReason } from './sessions.ts';

/** Codes are of letters and `_` (RFC 6749 section 4.1.2.1); what is not is not repeated. */
const ERROR_CODE = /^[a-z_]{1,64}$/;

/** `https://shop.example.com`, or null when the browser came by plain HTTP, or told no host. */
export function originOf(x: Exchange, allowHttp: boolean): string | null {
  const https = cameByHttps(x);
  const authority = authorityOf(x, https);
  if (authority === '' || (!https && !allowHttp)) return null;
  return `${https ? 'https' : 'http'}://${authority}`;
}

/** Leads the browser to the provider, to come back to the page that it asked for. */
export function beginLogin(x: Exchange, origin: string, parts: Parts): Promise<Reply> {
  return begin(x, origin, parts, returnPath(x, origin), false);
}

/** @param over lines of Set-Cookie that end the login in whose place this one is */
async function begin(
  x: Exchange,
  origin: string,
  parts: Parts,
  returnTo: string,
  again: boolean,
  over: readonly string[] = [],
): Promise<Reply> {
  const { config, provider, attempts, log } = parts;
  const attempt = attempts.begin(returnTo, origin + config.redirectPath, again);
  try {
    const url = await provider.authorizationUrl({
      ...Object.fromEntries(config.parameters),
      scope: config.scope,
      redirect_uri: attempt.redirectUri,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: challengeOf(attempt.verifier),
      code_challenge_method: 'S256',
    });
    return redirect(url, [...over, ...attempts.keep(attempt, x.request)]);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    log('warn', `no login is possible: ${error.message}`);
    return providerAway(over);
  }
}

/** The browser comes back from the provider. */
export async function finishLogin(x: Exchange, origin: string, parts: Parts): Promise<Reply> {
  const { attempts, sessions } = parts;
  if (x.request.method !== 'GET') return loginProblem(405, 'A login comes back by GET.');
  const state = x.request.queryParam('state') ?? '';
  const attempt = attempts.find(state, x.request);
  if (attempt === null || !attempt.redirectUri.startsWith(`${origin}/`)) return unknown(x, origin, parts);
  if (attempt.kind === 'finished') {
    return isLoggedIn(x, parts)
      ? redirect(origin + attempt.returnTo, [])
      : begin(x, origin, parts, attempt.returnTo, false, attempts.end(state));
  }
  if (x.request.queryParam('code') !== null && !attempts.isFirst(attempt)) {
    return comeAgain(x, origin, attempt, parts);
  }
  try {
    const session = await redeemed(x, attempt, parts);
    const cookies = sessions.write(session, sessions.held(x));
    if (cookies === null) return tooLarge(session, parts, attempts.end(state));
    return redirect(origin + attempt.returnTo, [...attempts.finish(attempt), ...cookies]);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    // Another pod may have had the code before.
    if (error.error === 'invalid_grant') return comeAgain(x, origin, attempt, parts);
    return failed(error, parts, attempts.end(state));
  }
}

/** Only cookies of this browser say who somebody is: a callback that somebody else made up changes nothing. */
function unknown(x: Exchange, origin: string, parts: Parts): Reply {
  if (isLoggedIn(x, parts)) return redirect(`${origin}/`, []);
  return loginProblem(
    400,
    'This login was not begun in this browser, was finished before, or took too long. Open the page again.',
  );
}

/**
 * The code was used before: by a second click, or by a browser that asked again because no answer came. Who has got a session
 * by it goes on; others begin anew, once.
 */
function comeAgain(x: Exchange, origin: string, attempt: Attempt, parts: Parts): Reply | Promise<Reply> {
  const { attempts, log } = parts;
  if (isLoggedIn(x, parts)) return redirect(origin + attempt.returnTo, []);
  const over = attempts.end(attempt.state);
  if (!attempt.again) return begin(x, origin, parts, attempt.returnTo, true, over);
  log('warn', 'a login failed: invalid_grant, twice');
  return loginProblem(403, 'The identity provider refused the login: invalid_grant.', over);
}

function isLoggedIn(x: Exchange, { sessions, renewals }: Parts): boolean {
  const known = sessions.read(x);
  return typeof known !== 'string' && renewals.known(known.session)?.kind !== 'ended';
}

async function redeemed(x: Exchange, attempt: Attempt, { config, provider }: Parts): Promise<Session> {
  const callback = new URL(`${attempt.redirectUri}?${x.request.query}`);
  const tokens = await provider.redeem(callback, {
    expectedState: attempt.state,
    expectedNonce: attempt.nonce,
    pkceCodeVerifier: attempt.verifier,
  });
  return startSession(tokens, await claimsOf(tokens, config, provider), config.keeping, nowSeconds());
}

/** What is signed goes before what is only told. */
async function claimsOf(
  { accessToken, claims }: Tokens,
  { userInfo }: OidcConfig,
  provider: OpenidProvider,
): Promise<Readonly<Record<string, unknown>>> {
  if (claims === null || typeof claims.sub !== 'string')
    throw new ProviderFailure('invalid', null, 'there is no ID token');
  return userInfo ? { ...(await provider.userInfo(accessToken, claims.sub)), ...claims } : claims;
}

function failed({ kind, error, message }: ProviderFailure, { log }: Parts, over: readonly string[]): Reply {
  if (kind === 'away') {
    log('warn', `a login failed: ${message}`);
    return providerAway(over);
  }
  const code = error !== null && ERROR_CODE.test(error) ? error : null;
  // Somebody who changed their mind is no fault of anybody.
  if (code !== 'access_denied') log('warn', `a login failed: ${code === null ? message : code}`);
  return kind === 'refused' && code !== null
    ? loginProblem(403, `The identity provider refused the login: ${code}.`, over)
    : loginProblem(403, 'The login failed.', over);
}

function tooLarge(session: Session, { log }: Parts, over: readonly string[]): Reply {
  log('error', `a login failed: ${tooLargeReason(session)}`);
  return loginProblem(500, 'The login failed: the session is too large.', over);
}
