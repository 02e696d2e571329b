import { claimReader, headerText, textsReader } from '../../lib/claim-text.ts';
import type { Claims } from '../../lib/token-claims.ts';
import type { Proof } from '../../pipeline/authenticator.ts';
import { type Identity, identityOf } from '../../pipeline/identity.ts';
import type { JwtConfig } from './config.ts';
import type { UserRecord } from './users.ts';

/** A token that was found good, with all that is worked out once, however often it comes. */
export interface KnownToken {
  readonly claims: Claims;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
  /** Claims that the backend gets. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whom it stands for; made anew when what is known of the user is old. */
  standing: Standing | null;
}

export interface Standing {
  readonly proof: Proof;
  readonly untilMs: number;
}

/** Reads tokens as one configuration says. */
export class TokenReader {
  readonly #config: JwtConfig;
  readonly #texts: (claims: Claims) => UserRecord;
  readonly #headers: (claims: Claims) => KnownToken['headers'];

  constructor(config: JwtConfig) {
    this.#config = config;
    const [roles, permissions, groups] = [config.roles, config.permissions, config.groups].map(textsReader);
    this.#texts = (claims) => ({
      roles: roles!(claims),
      permissions: permissions!(claims),
      groups: groups!(claims),
    });
    const headers = this.#config.claimsToHeaders.map(({ claim, header }) => ({
      name: header.toLowerCase(),
      read: claimReader(claim),
    }));
    this.#headers = (claims) =>
      headers.flatMap(({ name, read }) => {
        const value = headerText(read(claims));
        return value === null ? [] : [[name, value] as const];
      });
  }

  know(claims: Claims, untilMs: number): KnownToken {
    return { claims, untilMs, headers: this.#headers(claims), standing: null };
  }

  /** Null when it has to be worked out. */
  standingOf({ standing }: KnownToken, nowMs: number): Proof | null {
    return standing !== null && nowMs < standing.untilMs ? standing.proof : null;
  }

  /**
   * @param user what was looked up; null: nothing is
   * @param untilMs when to look again
   */
  stand(token: KnownToken, user: UserRecord | null, untilMs: number): Proof {
    const proof: Proof = { kind: 'passed', identity: this.#identity(token.claims, user) };
    token.standing = { proof, untilMs };
    return proof;
  }

  #identity(claims: Claims, user: UserRecord | null): Identity {
    const own = this.#texts(claims);
    return identityOf({
      user: typeof claims.sub === 'string' ? claims.sub : null,
      claims,
      roles: both(own.roles, user?.roles),
      permissions: both(own.permissions, user?.permissions),
      groups: both(own.groups, user?.groups),
      schemes: ['jwt'],
    });
  }
}

function both(own: readonly string[], more: readonly string[] = []): readonly string[] {
  return more.length === 0 ? own : [...new Set([...own, ...more])];
}
