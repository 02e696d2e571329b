import type { ServerCertificate } from '../../control/remote/stream-server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import type { ApiClient } from '../../sources/kubernetes/client/client.ts';
import { StreamSecret } from '../../sources/kubernetes/stream-secret.ts';
import type { ServiceName } from '../admission/settings.ts';
import { logSourceFailure } from '../controller/failure-log.ts';
import { ServiceCertificate } from '../service-certificate.ts';
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
  readonly #certificate: ServiceCertificate;
  #show: (certificate: ServerCertificate) => void = () => {};

  constructor({ client, service, lifetimeMs, log }: KeptCertificateOptions) {
    const { name, namespace } = service;
    this.#certificate = new ServiceCertificate({
      objects: new StreamSecret({
        ...{ client, namespace, name: `${name}-certificate` },
        onFailure: logSourceFailure.bind(null, log),
      }),
      ...{ service, lifetimeMs, log, settleMs: SETTLE_MS },
      ...{ prefix: 'stream', what: 'the certificate for data planes' },
      show: (pair) => this.#show(pair),
    });
  }

  follow(show: (certificate: ServerCertificate) => void): void {
    this.#show = show;
  }

  begin(leading: () => boolean): void {
    this.#certificate.start(leading);
  }

  leaderChanged(): void {
    this.#certificate.leaderChanged();
  }

  gauges(): Iterable<GaugeSample> {
    return this.#certificate.gauges();
  }

  close(): Promise<void> {
    return this.#certificate.stop();
  }
}
