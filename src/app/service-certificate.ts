import { type CertificatePair, expiryOf } from '../admin/webhook/certificate.ts';
import { CertificateKeeper, type CertificateKeeperOptions } from '../admin/webhook/keeper.ts';
import type { ProgramLog } from '../observe/log.ts';
import type { GaugeSample } from '../observe/metrics-page.ts';
import type { ServiceName } from './admission/settings.ts';

export interface ServiceCertificateOptions extends Pick<CertificateKeeperOptions, 'objects'> {
  /** By which it is called. */
  readonly service: ServiceName;
  readonly lifetimeMs: number;
  /** Those who call know of a new authority within so long. */
  readonly settleMs: number;
  /** Begins the names of events and metrics. */
  readonly prefix: 'webhook' | 'stream';
  /** In messages: `the certificate for data planes`. */
  readonly what: string;
  readonly show: (certificate: CertificatePair) => void;
  readonly log: ProgramLog;
}

/** The certificate of a Service of ours: the replicas make it, keep it in a Secret and rotate it; log and metrics tell. */
export class ServiceCertificate {
  readonly #options: ServiceCertificateOptions;
  readonly #keeper: CertificateKeeper;
  #leading: () => boolean = () => false;
  #expiryMs: number | null = null;

  constructor(options: ServiceCertificateOptions) {
    this.#options = options;
    const { objects, service, lifetimeMs, settleMs, prefix, what, log } = options;
    const host = `${service.name}.${service.namespace}.svc`;
    this.#keeper = new CertificateKeeper({
      objects,
      rules: {
        names: [host, `${host}.cluster.local`],
        lifetimeMs,
        settleMs: Math.min(settleMs, lifetimeMs / 10),
      },
      leading: () => this.#leading(),
      onCertificate: (pair) => this.#shown(pair),
      onRotated: (step) => log.info({ event: `${prefix}Rotated`, what: step }, `${what}: one was ${step}`),
      onFailure: ({ message: error }) =>
        log.warn(
          { event: `${prefix}CertificateFailed`, error },
          `${what} could not be kept; it is tried again`,
        ),
    });
  }

  /** `leading` tells whether this replica rotates it. */
  start(leading: () => boolean): void {
    this.#leading = leading;
    this.#keeper.start();
  }

  leaderChanged(): void {
    this.#keeper.look();
  }

  *gauges(): Iterable<GaugeSample> {
    if (this.#expiryMs === null) return;
    const { prefix, what } = this.#options;
    const name = `gateway_${prefix}_certificate_expiry_seconds`;
    yield { name, help: `When ${what} expires, in Unix seconds.`, labels: {}, value: this.#expiryMs / 1000 };
  }

  stop(): Promise<void> {
    return this.#keeper.stop();
  }

  #shown(pair: CertificatePair): void {
    const { prefix, what, show, log } = this.#options;
    show(pair);
    this.#expiryMs = expiryOf(pair.cert);
    const expires = new Date(this.#expiryMs ?? 0).toISOString();
    log.info({ event: `${prefix}Certificate`, expires }, `${what} is a new one`);
  }
}
