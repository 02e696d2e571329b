import { type Static, Type } from 'typebox';
import type { SecretName } from '../../ir/secret.ts';
import { parseDuration } from '../../lib/duration.ts';
import { requestHeaderName } from '../../lib/header-schema.ts';
import {
  choice,
  duration,
  fields,
  firstTwice,
  list,
  refined,
  secretRef,
  text,
  token,
} from '../../lib/schema.ts';
import type { ResolveContext } from '../../pipeline/policy.ts';
import { sealKeysProblem } from './seal.ts';
import type { Keeping, Lifetime } from './session.ts';

const PATH = '^/[A-Za-z0-9._~/-]*$';
const path = (description: string, fallback: string) =>
  text(description, {
    default: fallback,
    minLength: 1,
    maxLength: 512,
    pattern: PATH,
    'x-hint': 'write a path such as /oauth2/callback, without a query',
  });

const claimNames = (description: string, fallback: readonly string[]) =>
  list(
    text('Name of a claim; one that begins with `/` is a JSON Pointer: `/realm_access/roles`.', {
      minLength: 1,
      maxLength: 256,
    }),
    description,
    { maxItems: 16, default: [...fallback] },
  );

const client = fields(
  {
    id: text('`client_id`, as registered with the provider.', { minLength: 1, maxLength: 512 }),
    secretRef: Type.Optional(
      secretRef(
        'client-secret',
        'Where its secret is kept. A client without one proves itself by PKCE alone.',
      ),
    ),
    authentication: choice(
      ['basic', 'post'],
      'How the secret is sent: `client_secret_basic` or `client_secret_post`.',
      {
        default: 'basic',
      },
    ),
  },
  'What the gateway is to the provider.',
);

const session = fields(
  {
    secretRef: secretRef(
      'keys',
      'Where the keys are kept that encrypt sessions, one a line, each of 32 characters or more at random. The first ' +
        'encrypts, all of them decrypt: to change it, put a new one before it and take the old one away later.',
    ),
    idle: duration('A session ends when it was not used for so long.', '1h'),
    absolute: duration('And after so long in any case.', '12h'),
  },
  'How long somebody stays logged in.',
);

const upstream = fields(
  {
    accessToken: Type.Boolean({
      description:
        'Whether the backend gets the access token, as `Authorization: Bearer`. It is refreshed in time.',
      default: false,
    }),
    idTokenHeader: Type.Optional(
      requestHeaderName('Name of a header in which the backend gets the ID token.'),
    ),
  },
  'What the backend gets, besides who it is.',
);

const ISSUER = '^https?://[^\\s?#@]+$';

export const schema = refined(
  fields(
    {
      issuer: text('The provider, as it names itself: `https://login.example.com/realms/shop`.', {
        minLength: 9,
        maxLength: 1024,
        pattern: ISSUER,
        'x-hint': 'write an https URL without user, query and fragment',
      }),
      client,
      session,
      scopes: list(
        token('A scope.'),
        'What is asked for. `offline_access` gets a refresh token from many providers.',
        {
          minItems: 1,
          maxItems: 32,
          default: ['openid', 'profile', 'email'],
        },
      ),
      parameters: list(
        fields(
          {
            name: token('Name of a parameter.'),
            value: text('Its value.', { maxLength: 1024 }),
          },
          'A parameter of the authorization request.',
        ),
        'More parameters for the authorization request, such as `prompt` or `acr_values`.',
        { maxItems: 16, default: [] },
      ),
      redirectPath: path(
        'Where the provider sends the browser back to. This rule must receive it.',
        '/oauth2/callback',
      ),
      logoutPath: path('Where a browser logs out. This rule must receive it.', '/oauth2/logout'),
      afterLogout: path('Where it is sent then.', '/'),
      providerLogout: Type.Boolean({
        description: 'Whether logging out here also logs out at the provider, where it offers that.',
        default: true,
      }),
      userInfo: Type.Boolean({
        description: 'Whether the provider is also asked for claims that the ID token lacks, at login.',
        default: false,
      }),
      user: text('Name of the claim that tells who it is.', { default: 'sub', minLength: 1, maxLength: 256 }),
      groups: claimNames('Claims whose texts become the groups.', ['groups']),
      roles: claimNames('Claims whose texts become the roles.', ['roles']),
      permissions: claimNames('Claims whose texts become the permissions.', ['permissions']),
      upstream: { ...upstream, default: { accessToken: false } },
      timeout: duration('What one call to the provider may take.', '5s'),
      allowHttp: list(
        choice(['provider', 'browsers'], 'Who may.'),
        'Who may come, or be called, by plain HTTP: where a mesh encrypts the way to the provider, and for development.',
        { maxItems: 2, default: [] },
      ),
    },
    'Lets people log in with a browser at an OpenID provider, and knows them by an encrypted cookie from then on.',
  ),
  ({ issuer, scopes, parameters, redirectPath, logoutPath, allowHttp }) => {
    if (issuer.startsWith('http:') && !allowHttp.includes('provider')) {
      return 'an issuer by plain HTTP must be allowed: allowHttp: [provider]';
    }
    if (!scopes.includes('openid')) return 'scopes must include openid';
    if (redirectPath === logoutPath) return 'redirectPath and logoutPath must differ';
    const twice = firstTwice(parameters.map(({ name }) => name));
    if (twice !== undefined) return `the parameter ${twice} is there twice`;
    const own = parameters.find(({ name }) => OWN_PARAMETERS.has(name));
    return own === undefined ? null : `the parameter ${own.name} is set by the gateway`;
  },
);

const OWN_PARAMETERS = new Set([
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
]);

type Config = Static<typeof schema>;

/** `client` and `session` are secrets by name; null: it is not there, and the rule is closed. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: SecretName | null;
  readonly authentication: 'basic' | 'post';
  readonly sessionKeys: SecretName | null;
  readonly lifetime: Lifetime;
  readonly keeping: Keeping;
  readonly scope: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly redirectPath: string;
  readonly logoutPath: string;
  readonly afterLogout: string;
  readonly providerLogout: boolean;
  readonly userInfo: boolean;
  readonly user: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly accessTokenUpstream: boolean;
  /** Lower case; null: none. */
  readonly idTokenHeader: string | null;
  readonly timeoutMs: number;
  /** Browsers may come by plain HTTP; they then keep cookies that are less safe. */
  readonly httpBrowsers: boolean;
}

export function resolve(config: Config, context: ResolveContext): OidcConfig {
  const { client: own, session: kept, upstream: passed } = config;
  const idTokenHeader = passed.idTokenHeader?.toLowerCase() ?? null;
  const { issuer, redirectPath, logoutPath, afterLogout, providerLogout, userInfo, user } = config;
  const { groups, roles, permissions } = config;
  const secret = own.secretRef === undefined ? null : context.secret(own.secretRef, 'client.secretRef');
  return {
    ...{ issuer, redirectPath, logoutPath, afterLogout, providerLogout, userInfo, user },
    ...{ groups, roles, permissions, idTokenHeader },
    clientId: own.id,
    clientSecret: secret,
    authentication: own.authentication,
    sessionKeys: context.secret(kept.secretRef, 'session.secretRef', sealKeysProblem),
    lifetime: {
      idleSeconds: Math.ceil(parseDuration(kept.idle) / 1000),
      absoluteSeconds: Math.ceil(parseDuration(kept.absolute) / 1000),
    },
    keeping: { accessToken: passed.accessToken, idToken: idTokenHeader !== null || providerLogout },
    scope: config.scopes.join(' '),
    parameters: config.parameters.map(({ name, value }) => [name, value]),
    accessTokenUpstream: passed.accessToken,
    timeoutMs: parseDuration(config.timeout),
    httpBrowsers: config.allowHttp.includes('browsers'),
  };
}
