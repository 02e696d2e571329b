import { expiryOf } from '../../admin/webhook/certificate.ts';
import { CertificateKeeper } from '../../admin/webhook/keeper.ts';
import type { ServerCertificate } from '../../control/remote/stream-server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import type { ApiClient } from '../../sources/kubernetes/client/client.ts';
import { StreamSecret } from '../../sources/kubernetes/stream-secret.ts';
import type { ServiceName } from '../admission/settings.ts';
import { logSourceFailure } from '../controller/failure-log.ts';
import type { StreamCertificate } from './certificate.ts';

export interface KeptCertificateOptions {
  readonly client: ApiClient;
  /** By which data planes call. The Secret is `NAME-certificate`. */
  readonly service: ServiceName;
  readonly lifetimeMs: number;
  readonly log: ProgramLog;
}

/** Kubelets bring a changed Secret into a pod within two minutes. */
const SETTLE_MS = 300_000;

/** A certificate that the controllers make themselves, keep in a Secret and rotate: as that of the webhook. */
export class KeptCertificate implements StreamCertificate {
  readonly first = null;
  readonly #keeper: CertificateKeeper;
  #show: (certificate: ServerCertificate) => void = () => {};
  #leading: () => boolean = () => false;
  #expiryMs: number | null = null;

  constructor({ client, service, lifetimeMs, log }: KeptCertificateOptions) {
    const { name, namespace } = service;
    const host = `${name}.${namespace}.svc`;
    this.#keeper = new CertificateKeeper({
      objects: new StreamSecret({
        ...{ client, namespace, name: `${name}-certificate` },
        onFailure: logSourceFailure.bind(null, log),
      }),
      rules: {
        names: [host, `${host}.cluster.local`],
        lifetimeMs,
        settleMs: Math.min(SETTLE_MS, lifetimeMs / 10),
      },
      leading: () => this.#leading(),
      onCertificate: (pair) => {
        this.#show(pair);
        this.#expiryMs = expiryOf(pair.cert);
        const expires = new Date(this.#expiryMs ?? 0).toISOString();
        log.info({ event: 'streamCertificate', expires }, 'data planes are shown a new certificate');
      },
      onRotated: (what) =>
        log.info({ event: 'streamRotated', what }, `a certificate for data planes was ${what}`),
      onFailure: ({ message: error }) =>
        log.warn(
          { event: 'streamCertificateFailed', error },
          'the certificate for data planes could not be kept; it is tried again',
        ),
    });
  }

  follow(show: (certificate: ServerCertificate) => void): void {
    this.#show = show;
  }

  begin(leading: () => boolean): void {
    this.#leading = leading;
    this.#keeper.start();
  }

  leaderChanged(): void {
    this.#keeper.look();
  }

  *gauges(): Iterable<GaugeSample> {
    if (this.#expiryMs === null) return;
    const help = 'When the certificate that data planes are shown expires, in Unix seconds.';
    const name = 'gateway_stream_certificate_expiry_seconds';
    yield { name, help, labels: {}, value: this.#expiryMs / 1000 };
  }

  close(): Promise<void> {
    return this.#keeper.stop();
  }
}
