import type { ApiClient } from './client/client.ts';

/** The audience for which data planes have their tokens issued: a token for the API server is not taken. */
export const TOKEN_AUDIENCE = 'portreeve';

export type TokenVerdict =
  /** `name`: of the pod that the token was issued to; null when it is bound to none. */
  { readonly ok: true; readonly name: string | null } | { readonly ok: false; readonly reason: string };

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username?: string;
      readonly extra?: Readonly<Record<string, readonly string[] | undefined>>;
    };
  };
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const TIMEOUT_MS = 5_000;

/**
 * Has the API server say whose token it is, and takes those of the given service accounts.
 * @param accounts as `namespace/name`
 */
export function reviewTokens(
  client: Pick<ApiClient, 'json'>,
  accounts: readonly string[],
): (token: string) => Promise<TokenVerdict> {
  const users = new Set(accounts.map((account) => `system:serviceaccount:${account.replace('/', ':')}`));
  return async (token) => {
    const { status } = await client.json<TokenReview>({
      ...{ method: 'POST', path: PATH, timeoutMs: TIMEOUT_MS, repeatable: true },
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [TOKEN_AUDIENCE] },
      },
    });
    if (status?.authenticated !== true || status.audiences?.includes(TOKEN_AUDIENCE) !== true)
      return {
        ok: false,
        reason: `the API server does not know the token for the audience ${TOKEN_AUDIENCE}`,
      };
    const username = status.user?.username ?? '';
    if (!users.has(username))
      return { ok: false, reason: `${username} is not among the service accounts that may follow` };
    return { ok: true, name: status.user?.extra?.[POD_NAME]?.[0] ?? null };
  };
}
