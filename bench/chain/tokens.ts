import { generateKeyPairSync, sign } from 'node:crypto';

/** Who issues them, and for whom. */
export const ISSUER = 'https://id.example.com';
export const AUDIENCE = 'shop';
/** The web page that the calls come from. */
export const PAGE = 'https://app.example.com';

const USERS = 64;
const LIFETIME_S = 86_400;

export interface Tokens {
  /** Public key (SPKI) in PEM. */
  readonly pem: string;
  /** One a user, as JWS (RFC 7515) with RS256. */
  readonly tokens: readonly string[];
}

/** A key pair of 2048 bits and what it has signed for each of the users. */
export function issueTokens(): Tokens {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const nowS = Math.floor(Date.now() / 1000);
  const tokens = Array.from({ length: USERS }, (_, i) => {
    const payload = {
      ...{ iss: ISSUER, aud: AUDIENCE, sub: `user-${i}`, iat: nowS, exp: nowS + LIFETIME_S },
      ...{ roles: ['reader', 'writer'], email: `user-${i}@example.com` },
    };
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}`;
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  });
  return { pem: publicKey.export({ type: 'spki', format: 'pem' }) as string, tokens };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
