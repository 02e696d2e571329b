import type { AdmissionRequest, Verdict } from '../../admin/webhook/review.ts';
import { startWebhookServer, type WebhookServer } from '../../admin/webhook/server.ts';
import type { ProgramLog } from '../../observe/log.ts';
import type { GaugeSample } from '../../observe/metrics-page.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { ApiClient } from '../../sources/kubernetes/client/client.ts';
import { WebhookObjects } from '../../sources/kubernetes/webhook-objects.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import type { Translator } from '../../translate/translator.ts';
import { logSourceFailure } from '../controller/failure-log.ts';
import type { ListenAddress } from '../listen-address.ts';
import { ServiceCertificate } from '../service-certificate.ts';
import { Admission } from './admission.ts';
import { RouteChecker } from './route-checker.ts';
import type { WebhookSettings } from './settings.ts';

export interface WebhookOptions extends WebhookSettings {
  readonly client: ApiClient;
  readonly validators: ResourceValidators;
  readonly translate: TranslateOptions;
  readonly log: ProgramLog;
}

/** API servers read a changed configuration within so long. */
const SETTLE_MS = 10_000;

/** The admission webhook of one replica: its server, its share in the certificate, and who judges. */
export class Webhook {
  readonly #server: WebhookServer;
  readonly #certificate: ServiceCertificate;
  readonly #checker: RouteChecker;
  readonly #translator: { current: Translator | null };
  readonly #counts: Readonly<Record<'allowed' | 'refused', { count: number }>>;

  private constructor(server: WebhookServer, judge: Judge, options: WebhookOptions) {
    const { client, service, lifetimeMs, log } = options;
    this.#server = server;
    this.#checker = judge.checker;
    this.#translator = judge.translator;
    this.#counts = judge.counts;
    const { name, namespace } = service;
    this.#certificate = new ServiceCertificate({
      objects: new WebhookObjects({
        ...{ client, namespace },
        secret: `${name}-certificate`,
        configuration: `${namespace}-${name}`,
        onFailure: logSourceFailure.bind(null, log),
      }),
      ...{ service, lifetimeMs, log, settleMs: SETTLE_MS },
      ...{ prefix: 'webhook', what: 'the certificate of the webhook' },
      show: (pair) => server.setCertificate(pair),
    });
  }

  /**
   * Listens. No connection can be made until {@link begin} finds a certificate.
   * @throws Error when the address can't be listened on
   */
  static async open(address: ListenAddress, options: WebhookOptions): Promise<Webhook> {
    const judge = createJudge(options);
    const server = await startWebhookServer({
      ...address,
      judge: judge.judge,
      onError: (error) => options.log.error(error, 'a review could not be answered'),
    });
    const { port } = server;
    options.log.info({ event: 'webhookListening', address: server.address, port }, 'the webhook listens');
    return new Webhook(server, judge, options);
  }

  /** Where the objects are that those under review refer to. */
  know(translator: Translator): void {
    this.#translator.current = translator;
  }

  /** Everything is known: from now on it can be asked. `leading` tells whether this replica rotates the certificate. */
  begin(leading: () => boolean): void {
    this.#checker.warm();
    this.#certificate.start(leading);
  }

  leaderChanged(): void {
    this.#certificate.leaderChanged();
  }

  *gauges(): Iterable<GaugeSample> {
    for (const [verdict, { count }] of Object.entries(this.#counts)) {
      const help = 'Reviews that the admission webhook has answered since the start.';
      yield { name: 'gateway_webhook_reviews', help, labels: { verdict }, value: count };
    }
    yield* this.#certificate.gauges();
  }

  async close(): Promise<void> {
    await this.#server.close();
    await Promise.all([this.#certificate.stop(), this.#checker.close()]);
  }
}

interface Judge {
  readonly checker: RouteChecker;
  readonly translator: { current: Translator | null };
  readonly counts: Readonly<Record<'allowed' | 'refused', { count: number }>>;
  readonly judge: (request: AdmissionRequest, signal: AbortSignal) => Promise<Verdict>;
}

function createJudge({ validators, translate, log }: WebhookOptions): Judge {
  const checker = new RouteChecker(translate);
  const translator: Judge['translator'] = { current: null };
  const counts = { allowed: { count: 0 }, refused: { count: 0 } };
  const admission = new Admission({
    ...{ validators, checker, catalogue: translate.catalogue },
    surroundings: {
      service: (key) => translator.current?.service(key),
      referred: (kind, namespace, name) => translator.current?.referred(kind, namespace, name),
      routes: () => translator.current?.ir.routes ?? [],
    },
  });
  const judge: Judge['judge'] = async (request, signal) => {
    const verdict = await admission.judge(request, signal);
    counts[verdict.allowed ? 'allowed' : 'refused'].count += 1;
    if (!verdict.allowed) {
      const { kind, namespace, operation } = request;
      log.debug({ event: 'admissionRefused', kind, namespace, operation }, verdict.message);
    }
    return verdict;
  };
  return { checker, translator, counts, judge };
}
