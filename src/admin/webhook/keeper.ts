import { type CertificatePair, isServable, issueCertificate } from './certificate.ts';
import {
  type CertificateState,
  NO_CERTIFICATE,
  planRotation,
  type RotationRules,
  rotate,
  trustedAuthorities,
} from './rotation.ts';
import { decodeState, encodeState, type SecretData } from './shared-state.ts';

/** The Secret at one moment. */
export interface SeenSecret {
  readonly data: SecretData;
  /** Of this content: another for every change. */
  readonly version: string;
}

/** What the replicas share, wherever it is kept. */
export interface CertificateObjects {
  /** The Secret as it was last seen: null when there is none, undefined before it was looked for. */
  secret(): SeenSecret | null | undefined;
  /** What API servers trust, as PEM text: null when nobody asks the webhook, undefined before it was looked for. */
  trusted(): string | null | undefined;
  /**
   * Puts data in the place of what was seen; null: where there was none.
   * @returns false when someone else has changed it since: nothing is written then
   */
  writeSecret(data: SecretData, seen: SeenSecret | null): Promise<boolean>;
  /** @returns false when someone else has changed it meanwhile */
  writeTrusted(authorities: string): Promise<boolean>;
  /** `onChange` is called whenever any of it is different. */
  start(onChange: () => void): void;
  stop(): Promise<void>;
}

export interface CertificateKeeperOptions {
  readonly objects: CertificateObjects;
  readonly rules: RotationRules;
  /** Whether this replica may rotate. Every one may fill an empty Secret, and say whom to trust where nobody has yet. */
  readonly leading: () => boolean;
  /** A certificate that is to be served from now on. */
  readonly onCertificate: (pair: CertificatePair) => void;
  readonly onRotated: (what: 'issued' | 'staged' | 'promoted') => void;
  /** It is tried again. */
  readonly onFailure: (error: Error) => void;
}

/** What another has written is told by the watch; should that be late, it is looked for so long after. */
const CONFLICT_MS = 1_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Timers can't be set for more than 24 days; and clocks may be set. */
const MAX_WAIT_MS = 3_600_000;

/**
 * Keeps the webhook's certificate: serves what the shared Secret says, and rotates it where this replica leads. It looks
 * at everything anew whenever something changes or a moment comes, one look at a time, and acts on what it sees: so it
 * goes on after a crash, a conflict, or a hand that edited or deleted an object.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #failures = 0;
  #served: CertificatePair | null = null;
  /** The authority of the next pair, and since when API servers can know it. */
  #published: { readonly ca: string; readonly sinceMs: number } | null = null;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.objects.start(() => this.look());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#options.objects.stop();
    await this.#running;
  }

  /** Looks again: an object or the leader has changed. */
  look(): void {
    if (this.#stopped) return;
    if (this.#running !== null) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#round().finally(() => {
      this.#running = null;
      if (!this.#again) return;
      this.#again = false;
      this.look();
    });
  }

  /** Looks and acts until there is nothing to do now. */
  async #round(): Promise<void> {
    try {
      let waitMs: number | null = 0;
      while (waitMs === 0 && !this.#stopped) waitMs = await this.#step();
      this.#failures = 0;
      this.#sleep(waitMs);
    } catch (error) {
      this.#failures += 1;
      this.#sleep(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (this.#failures - 1)));
      if (!this.#stopped) this.#options.onFailure(error as Error);
    }
  }

  #sleep(waitMs: number | null): void {
    if (this.#stopped || waitMs === null) return;
    this.#timer = setTimeout(() => this.look(), Math.min(Math.max(waitMs, 1), MAX_WAIT_MS)).unref();
  }

  /** @returns milliseconds until the next look; 0: at once, null: when something changes */
  async #step(): Promise<number | null> {
    const { objects, rules, leading, onRotated } = this.#options;
    const secret = objects.secret();
    if (secret === undefined) return null;
    const nowMs = Date.now();
    const state = secret === null ? NO_CERTIFICATE : decodeState(secret.data);
    this.#serve(state.current, nowMs);
    // The leader may be of another shape or version, which knows nothing of these objects.
    const mayPublish = leading() || objects.trusted() === '';
    if (mayPublish && !(await this.#publish(state, nowMs))) return CONFLICT_MS;
    if (!leading() && state.current !== null) return null;
    const step = planRotation(state, this.#trustedSinceMs(state), nowMs, rules);
    if (step.kind === 'wait') return step.untilMs === null ? null : Math.max(1, step.untilMs - nowMs);
    const after = await rotate(state, step, () => this.#issue(nowMs));
    if (!(await objects.writeSecret(encodeState(after), secret))) return CONFLICT_MS;
    if (step.kind === 'renew') onRotated('issued');
    if (step.kind === 'stage') onRotated('staged');
    if (step.kind === 'promote') onRotated('promoted');
    return 0;
  }

  async #issue(nowMs: number): Promise<CertificatePair> {
    const { names, lifetimeMs } = this.#options.rules;
    const pair = await issueCertificate({ names, nowMs, lifetimeMs });
    // Else it would be replaced at once, again and again.
    if (!isServable(pair, names, nowMs))
      throw new Error(`no certificate can be made for ${names.join(', ')}`);
    return pair;
  }

  #serve(pair: CertificatePair | null, nowMs: number): void {
    if (pair === null || pair.cert === this.#served?.cert) return;
    if (!isServable(pair, this.#options.rules.names, nowMs)) return;
    this.#options.onCertificate(pair);
    this.#served = pair;
  }

  /**
   * Has API servers trust what is served, what is served next, and what may still be served.
   * @returns false when someone else has changed it meanwhile
   */
  async #publish(state: CertificateState, nowMs: number): Promise<boolean> {
    const { objects } = this.#options;
    const trusted = objects.trusted();
    const authorities = trustedAuthorities(state, nowMs);
    if (typeof trusted === 'string' && trusted !== authorities && authorities !== '') {
      if (!(await objects.writeTrusted(authorities))) return false;
    }
    const ca = state.next?.ca;
    if (ca === undefined || trusted === undefined) this.#published = null;
    else if (this.#published?.ca !== ca) this.#published = { ca, sinceMs: Date.now() };
    return true;
  }

  #trustedSinceMs({ next }: CertificateState): number | null {
    return next !== null && this.#published?.ca === next.ca ? this.#published.sinceMs : null;
  }
}
