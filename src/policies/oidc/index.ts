import { defineAuthenticator, isPromise, type Proof, unauthorized } from '../../pipeline/authenticator.ts';
import type { Exchange } from '../../pipeline/exchange.ts';
import type { Reply } from '../../pipeline/reply.ts';
import { resolve, schema } from './config.ts';
import { stripCookies } from './cookies.ts';
import { Gate } from './gate.ts';
import { beginLogin, finishLogin, originOf } from './login.ts';
import { logOut } from './logout.ts';
import { isNavigation } from './navigation.ts';
import { borrowParts, type Parts } from './parts.ts';
import { loginProblem } from './replies.ts';

const NEEDS_LOGIN = unauthorized('You are not logged in.', 'Cookie realm="login"');
const NEEDS_HTTPS = loginProblem(403, 'Logging in needs HTTPS.');

/** Login of people with a browser, at an OpenID provider. */
export const oidc = defineAuthenticator({
  name: 'oidc',
  summary:
    'Lets people log in with a browser at an OpenID provider; keeps the session in an encrypted cookie.',
  reasons: ['loginFailed', 'unavailable'],
  interactive: true,
  schema,
  resolve,
  bind(config, env) {
    const { value: parts, release } = borrowParts(config, env);
    const gate = new Gate(parts);
    return {
      authenticate(x) {
        const { path } = x.request;
        if (path === config.redirectPath)
          return answered(withOrigin(x, parts, (origin) => finishLogin(x, origin, parts)));
        if (path === config.logoutPath)
          return answered(withOrigin(x, parts, (origin) => leave(x, origin, parts)));
        return gate.judge(x);
      },
      missing: (x) =>
        isNavigation(x) ? withOrigin(x, parts, (origin) => beginLogin(x, origin, parts)) : NEEDS_LOGIN,
      strip(x) {
        stripCookies(x.request, parts.cookiePrefix);
        gate.passOn(x);
      },
      drop: (x, spared) => gate.drop(x, spared),
      onResponse: (x) => gate.writeCookies(x),
      close: release,
    };
  },
});

function answered(reply: Reply | Promise<Reply>): Proof | Promise<Proof> {
  const proof = (made: Reply): Proof =>
    made.status < 400
      ? { kind: 'answered', reply: made }
      : { kind: 'answered', reply: made, reason: made.status === 503 ? 'unavailable' : 'loginFailed' };
  return isPromise(reply) ? reply.then(proof) : proof(reply);
}

/** By plain HTTP, browsers would not keep the cookies, and log in over and over. */
function withOrigin(
  x: Exchange,
  { config, log }: Parts,
  answer: (origin: string) => Promise<Reply>,
): Reply | Promise<Reply> {
  const origin = originOf(x, config.httpBrowsers);
  if (origin !== null) return answer(origin);
  log(
    'warn',
    'a browser came by plain HTTP. Where a proxy before the gateway ends TLS, list it in trustedProxies and have it set X-Forwarded-Proto',
  );
  return NEEDS_HTTPS;
}

async function leave(x: Exchange, origin: string, parts: Parts): Promise<Reply> {
  const { sessions, renewals } = parts;
  const cookies = sessions.clear(sessions.held(x));
  const known = sessions.read(x);
  if (typeof known === 'string') return logOut(x, origin, null, cookies, parts);
  const renewal = renewals.known(known.session);
  const session = renewal?.kind === 'renewed' ? renewal.session : known.session;
  return logOut(x, origin, session, cookies, parts);
}
