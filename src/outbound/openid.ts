import type * as Openid from 'openid-client';
import type { OutboundClient } from './client.ts';
import { OutboundFailure } from './failure.ts';
import { KeptDocument } from './kept-document.ts';

export interface OpenidSettings {
  /** As in the provider's own metadata and tokens. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, which proves itself by PKCE alone. */
  readonly clientSecret: string | null;
  readonly authentication: 'basic' | 'post';
  /** Of one call. */
  readonly timeoutMs: number;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

/** What a provider gave for a code or a refresh token. */
export interface Tokens {
  readonly accessToken: string;
  /** Unix milliseconds; null: not told. */
  readonly accessUntilMs: number | null;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  /** Of the ID token, verified; null when there is none. */
  readonly claims: Readonly<Record<string, unknown>> | null;
}

/**
 *   away       no answer that counts: it may be there again in a moment;
 *   refused    it answered, and said no: `error` is its code (RFC 6749 section 5.2), where it gave one;
 *   invalid    it answered what may not be believed.
 */
export type ProviderFailureKind = 'away' | 'refused' | 'invalid';

export class ProviderFailure extends Error {
  readonly kind: ProviderFailureKind;
  readonly error: string | null;

  constructor(kind: ProviderFailureKind, error: string | null, message: string) {
    super(message);
    this.name = 'ProviderFailure';
    this.kind = kind;
    this.error = error;
  }
}

/** Names what a callback must fit. */
export interface LoginChecks {
  readonly expectedState: string;
  readonly expectedNonce: string;
  readonly pkceCodeVerifier: string;
}

type Metadata = Openid.ServerMetadata;

const MAX_METADATA_BYTES = 256 * 1024;
const MAX_ANSWER_BYTES = 256 * 1024;
const AGES = { minAgeMs: 60_000, maxAgeMs: 3_600_000, defaultAgeMs: 600_000 };

/** An OpenID provider as its client sees it. The library that speaks the protocol is loaded with the first login. */
export class OpenidProvider {
  readonly #client: OutboundClient;
  readonly #settings: OpenidSettings;
  readonly #metadata: KeptDocument<Metadata>;

  constructor(client: OutboundClient, settings: OpenidSettings) {
    this.#client = client;
    this.#settings = settings;
    const { issuer, timeoutMs, log } = settings;
    const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    const parse = (body: Buffer) => parseMetadata(body, issuer);
    this.#metadata = new KeptDocument({
      client,
      url,
      timeoutMs,
      maxBytes: MAX_METADATA_BYTES,
      ...AGES,
      parse,
      log,
    });
  }

  /** Where the browser is sent to log in. */
  async authorizationUrl(parameters: Readonly<Record<string, string>>): Promise<string> {
    const { lib, config } = await this.#configured();
    return lib.buildAuthorizationUrl(config, parameters).href;
  }

  /** @param callback the URL with which the browser came back */
  async redeem(callback: URL, checks: LoginChecks): Promise<Tokens> {
    return this.#ask(async (lib, config) => {
      // Keys are fetched with each login, so it does not matter when the provider changes them.
      lib.enableNonRepudiationChecks(config);
      return tokensOf(
        await lib.authorizationCodeGrant(config, callback, { ...checks, idTokenExpected: true }),
      );
    });
  }

  async refresh(refreshToken: string): Promise<Tokens> {
    return this.#ask(async (lib, config) => {
      lib.enableNonRepudiationChecks(config);
      return tokensOf(await lib.refreshTokenGrant(config, refreshToken));
    });
  }

  async userInfo(accessToken: string, subject: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask((lib, config) => lib.fetchUserInfo(config, accessToken, subject));
  }

  /** Where the browser is sent to log out; null when the provider has no such place, or is not known yet. */
  async endSessionUrl(parameters: Readonly<Record<string, string>>): Promise<string | null> {
    if (this.#metadata.value?.end_session_endpoint === undefined) return null;
    const { lib, config } = await this.#configured();
    return lib.buildEndSessionUrl(config, parameters).href;
  }

  /** Where the provider offers it: RFC 7009. */
  async revoke(token: string): Promise<void> {
    if (this.#metadata.value?.revocation_endpoint === undefined) return;
    await this.#ask((lib, config) => lib.tokenRevocation(config, token));
  }

  close(): void {
    this.#metadata.close();
  }

  async #ask<T>(question: (lib: typeof Openid, config: Openid.Configuration) => Promise<T>): Promise<T> {
    try {
      const { lib, config } = await this.#configured();
      return await question(lib, config);
    } catch (error) {
      throw toFailure(error, await import('openid-client'));
    }
  }

  /** A new one for each use: it caches keys, which would then be missing when the provider has changed them. */
  async #configured(): Promise<{ lib: typeof Openid; config: Openid.Configuration }> {
    const { issuer, clientId, clientSecret, authentication, timeoutMs } = this.#settings;
    const lib = await import('openid-client');
    if (this.#metadata.value === null) await (this.#metadata.pending ?? this.#metadata.refetch());
    const metadata = this.#metadata.value;
    if (metadata === null)
      throw new ProviderFailure('away', null, `${issuer}: its metadata could not be fetched yet`);
    const config = new lib.Configuration(
      metadata,
      clientId,
      undefined,
      authenticationOf(lib, clientSecret, authentication),
    );
    // The bound of each call is the outbound client's; this one only ends what hangs behind it.
    config.timeout = Math.ceil(timeoutMs / 1000) + 1;
    config[lib.customFetch] = (url, options) => this.#fetch(url, options);
    if (issuer.startsWith('http:')) lib.allowInsecureRequests(config);
    return { lib, config };
  }

  async #fetch(url: string, { method, headers, body, signal }: Openid.CustomFetchOptions): Promise<Response> {
    const answer = await this.#client.call({
      url: new URL(url),
      method,
      headers,
      body: body === undefined || body === null ? null : String(body),
      timeoutMs: this.#settings.timeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
      ...(signal !== undefined && { signal }),
    });
    const kept = ['content-type', 'www-authenticate', 'date'].flatMap((name) =>
      answer.headerLines(name).map((line): [string, string] => [name, line]),
    );
    const bodiless = answer.status === 204 || answer.status === 304;
    return new Response(bodiless ? null : new Uint8Array(answer.body), {
      status: answer.status,
      headers: kept,
    });
  }
}

/** OpenID Connect Discovery section 4.3: what names another issuer is another's. */
function parseMetadata(body: Buffer, issuer: string): Metadata {
  const metadata = JSON.parse(body.toString()) as Partial<Metadata> | null;
  if (metadata?.issuer !== issuer) {
    throw new Error(
      `it is of the issuer ${JSON.stringify(metadata?.issuer)}, not of ${JSON.stringify(issuer)}`,
    );
  }
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (!URL.canParse(metadata[name] ?? '')) throw new Error(`it has no ${name}`);
  }
  return metadata as Metadata;
}

function authenticationOf(
  lib: typeof Openid,
  secret: string | null,
  how: 'basic' | 'post',
): Openid.ClientAuth {
  if (secret === null) return lib.None();
  return how === 'basic' ? lib.ClientSecretBasic(secret) : lib.ClientSecretPost(secret);
}

function tokensOf(response: Openid.TokenEndpointResponse & Openid.TokenEndpointResponseHelpers): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken } = response;
  const seconds = response.expiresIn();
  return {
    accessToken,
    accessUntilMs: seconds === undefined ? null : Date.now() + seconds * 1000,
    refreshToken: refreshToken ?? null,
    idToken: idToken ?? null,
    claims: response.claims() ?? null,
  };
}

function toFailure(error: unknown, lib: typeof Openid): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  if (error instanceof lib.AuthorizationResponseError)
    return new ProviderFailure('refused', error.error, error.message);
  if (error instanceof lib.ResponseBodyError) {
    return new ProviderFailure(error.status >= 500 ? 'away' : 'refused', error.error, error.message);
  }
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutboundFailure) return new ProviderFailure('away', null, cause.message);
    if (cause.cause instanceof Response && cause.cause.status >= 500) {
      return new ProviderFailure('away', null, `the provider answers ${cause.cause.status}`);
    }
  }
  return new ProviderFailure('invalid', null, reasonOf(error));
}

/** The innermost message tells most. */
function reasonOf(error: unknown): string {
  let reason = String(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) reason = cause.message;
  return reason;
}
