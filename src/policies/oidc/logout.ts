import { type OpenidProvider, ProviderFailure } from '../../outbound/openid.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import type { OidcConfig } from './config.ts';
import { isCrossSite } from './navigation.ts';
import type { Parts } from './parts.ts';
import { nowSeconds } from './renewals.ts';
import { loginProblem, redirect } from './replies.ts';
import type { Session } from './session.ts';

/**
 * Ends the session here and, where that is wanted, at the provider (OpenID Connect RP-Initiated Logout 1.0).
 * @param session null: nobody was logged in, or no longer
 * @param cookies lines of Set-Cookie that end it here
 */
export async function logOut(
  x: Exchange,
  origin: string,
  session: Session | null,
  cookies: readonly string[],
  { config, provider, renewals, log }: Parts,
): Promise<Reply> {
  if (isCrossSite(x)) return loginProblem(403, 'Another site may not log you out.');
  const back = origin + config.afterLogout;
  if (session === null) return redirect(back, cookies);
  renewals.end(session, (session.startedAt + config.lifetime.absoluteSeconds - nowSeconds()) * 1000);
  // Nobody waits for it: the browser's own session is over in any case.
  if (session.refreshToken !== null) {
    provider
      .revoke(session.refreshToken)
      .catch((error: unknown) => log('warn', `a refresh token can't be revoked: ${String(error)}`));
  }
  return redirect((await endSessionUrl(session, back, config, provider)) ?? back, cookies);
}

async function endSessionUrl(
  { idToken }: Session,
  back: string,
  { providerLogout }: OidcConfig,
  provider: OpenidProvider,
): Promise<string | null> {
  if (!providerLogout) return null;
  try {
    return await provider.endSessionUrl({
      post_logout_redirect_uri: back,
      ...(idToken !== null && { id_token_hint: idToken }),
    });
  } catch (error) {
    if (error instanceof ProviderFailure) return null;
    throw error;
  }
}
