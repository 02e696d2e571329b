import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** The API for which tokens are issued as JWTs; for another one they are opaque. */
export const JWT_API = 'https://api.example';
export const OPAQUE_API = 'https://opaque.example';
const CLIENT = { id: 'gateway', secret: 'secret of the client' };

/** A real OpenID provider that issues tokens to one client. */
export class OpenIdProvider {
  readonly url: string;
  readonly #server: Server;

  private constructor(url: string, server: Server) {
    this.url = url;
    this.#server = server;
  }

  static async start(): Promise<OpenIdProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(url, {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: 'read write',
            audience: resource,
            accessTokenTTL: 300,
            accessTokenFormat: resource === JWT_API ? 'jwt' : 'opaque',
          }),
        },
      },
    });
    server.on('request', provider.callback());
    return new OpenIdProvider(url, server);
  }

  get client(): typeof CLIENT {
    return CLIENT;
  }

  async token(resource: string): Promise<string> {
    const form = { grant_type: 'client_credentials', scope: 'read', resource };
    const { access_token: token } = (await this.#post('/token', form)) as { access_token?: string };
    if (token === undefined) throw new Error('the provider issued no token');
    return token;
  }

  async revoke(token: string): Promise<void> {
    await this.#post('/token/revocation', { token });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #post(path: string, form: Record<string, string>): Promise<unknown> {
    const basic = Buffer.from(`${CLIENT.id}:${encodeURIComponent(CLIENT.secret)}`).toString('base64');
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}
