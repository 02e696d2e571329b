import { generateKeyPairSync, randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Configuration, Provider } from 'oidc-provider';

export interface ProviderOptions {
  readonly origin: string;
  /** Seconds that an access token counts. */
  readonly accessTokenSeconds?: number;
  /** Claims of everybody, besides `sub`, `name` and `email`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly redirectPaths?: readonly string[];
  /** Nobody listens until `start`. */
  readonly startsStopped?: boolean;
}

export const CLIENT = { id: 'shop', secret: 'the-secret-of-the-shop-0123456789' };

/** A real OpenID provider, on a port of this machine that stays the same while it is stopped and started. */
export class OpenidProviderServer {
  readonly #options: ProviderOptions;
  #server: http.Server | null = null;
  #port = 0;
  #key = rsaKey();
  /** Takes requests and answers none. */
  hanging = false;
  /** The same for one path. */
  hangsAt: string | null = null;
  /** Who has no account any more. */
  readonly removed = new Set<string>();
  /** Paths that were asked. */
  readonly asked: string[] = [];

  private constructor(options: ProviderOptions) {
    this.#options = options;
  }

  static async start(options: ProviderOptions): Promise<OpenidProviderServer> {
    const provider = new OpenidProviderServer(options);
    await provider.start();
    if (options.startsStopped === true) await provider.stop();
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How often a path was asked. */
  count(path: string): number {
    return this.asked.filter((one) => one === path).length;
  }

  /** As after a restart: nobody is logged in here any more, unless the cookies of their browser say so. */
  async start(): Promise<void> {
    // The issuer is in every answer, so the port must be known first.
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    const handler = new Provider(this.issuer, this.#configuration()).callback();
    server.on('request', (request, response) => {
      const [path] = (request.url ?? '').split('?');
      this.asked.push(path!);
      if (!this.hanging && this.hangsAt !== path) void handler(request, response);
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  /** Signs with another key from now on. */
  async changeKeys(): Promise<void> {
    this.#key = rsaKey();
    await this.stop();
    await this.start();
  }

  #configuration(): Configuration {
    const {
      origin,
      accessTokenSeconds = 3600,
      claims = {},
      redirectPaths = ['/oauth2/callback'],
    } = this.#options;
    return {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: redirectPaths.map((path) => origin + path),
          post_logout_redirect_uris: [`${origin}/bye`],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'client_secret_basic',
        },
      ],
      jwks: { keys: [this.#key] },
      cookies: { keys: ['a key for the cookies of a test'] },
      claims: { openid: ['sub'], profile: ['name'], email: ['email'], shop: Object.keys(claims) },
      scopes: ['openid', 'offline_access', 'profile', 'email', 'shop'],
      // So that they are in the ID token, as many providers do it.
      conformIdTokenClaims: false,
      findAccount: (_, sub) =>
        this.removed.has(sub)
          ? undefined
          : {
              accountId: sub,
              claims: () => ({ sub, name: `${sub} of the shop`, email: `${sub}@shop.test`, ...claims }),
            },
      issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
      rotateRefreshToken: true,
      features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
      ttl: {
        AccessToken: accessTokenSeconds,
        IdToken: 3600,
        RefreshToken: 86_400,
        Session: 86_400,
        Grant: 86_400,
        Interaction: 3600,
      },
      pkce: { required: () => true },
    };
  }
}

function rsaKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}
