import type { Exchange } from '../../pipeline/exchange.ts';
import { ANONYMOUS, type Identity, identitySlot, isAnonymous } from '../../pipeline/identity.ts';

/** `request` of an expression. What costs something is made when it is asked for. */
export class RequestFacts {
  readonly #x: Exchange;

  constructor(x: Exchange) {
    this.#x = x;
  }

  get id(): string {
    return this.#x.requestId;
  }

  get method(): string {
    return this.#x.request.method;
  }

  get scheme(): string {
    return this.#x.request.scheme;
  }

  get host(): string {
    return this.#x.request.host;
  }

  get path(): string {
    return this.#x.request.path;
  }

  /** After `?`, as sent. */
  get query(): string {
    return this.#x.request.query;
  }

  get clientAddress(): string {
    return this.#x.client.address;
  }

  /** By name in lower case; several lines are joined by `, `. */
  get headers(): ReadonlyMap<string, string> {
    const headers = new Map<string, string>();
    for (const [name, value] of this.#x.request.headerEntries()) {
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return headers;
  }

  /** First value of each query parameter. */
  get params(): ReadonlyMap<string, string> {
    const params = new Map<string, string>();
    for (const [name, value] of new URLSearchParams(this.#x.request.query)) {
      if (!params.has(name)) params.set(name, value);
    }
    return params;
  }
}

/** `identity` of an expression; what is not known is empty. */
export class IdentityFacts {
  readonly #identity: Identity;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  get user(): string {
    return this.#identity.user ?? '';
  }

  get consumer(): string {
    return this.#identity.consumer ?? '';
  }

  get groups(): readonly string[] {
    return this.#identity.groups;
  }

  get roles(): readonly string[] {
    return this.#identity.roles;
  }

  get permissions(): readonly string[] {
    return this.#identity.permissions;
  }

  get schemes(): readonly string[] {
    return this.#identity.schemes;
  }

  get anonymous(): boolean {
    return isAnonymous(this.#identity);
  }
}

const NO_CLAIMS: Readonly<Record<string, unknown>> = {};

/** Everything that an expression may ask. */
export class Facts {
  readonly request: RequestFacts;
  readonly identity: IdentityFacts;
  readonly claims: Readonly<Record<string, unknown>>;

  constructor(x: Exchange) {
    const identity = x.get(identitySlot) ?? ANONYMOUS;
    this.request = new RequestFacts(x);
    this.identity = new IdentityFacts(identity);
    this.claims = identity.claims ?? NO_CLAIMS;
  }

  get now(): Date {
    return new Date();
  }
}
