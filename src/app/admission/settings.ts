import { parseDuration } from '../../lib/duration.ts';
import { CommandError, EXIT } from '../exit-code.ts';
import type { ListenAddress } from '../listen-address.ts';

/** A Service, as `namespace/name`. */
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** What the webhook is told. */
export interface WebhookSettings {
  /** By which API servers call it. */
  readonly service: ServiceName;
  /** Of a certificate. */
  readonly lifetimeMs: number;
}

/** As the command line says it. */
export interface WebhookRequest {
  readonly webhookAddress?: ListenAddress;
  readonly webhookService?: ServiceName;
  /** A duration such as `2160h`. */
  readonly webhookCertificateLifetime: string;
}

/** Certificates count in seconds; shorter ones would be replaced without a pause. */
const MIN_LIFETIME_MS = 10_000;
const LABEL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws Error that says how to write it. */
export function parseServiceName(text: string): ServiceName {
  const [namespace = '', name = '', ...rest] = text.split('/');
  if (rest.length === 0 && NAMESPACE.test(namespace) && LABEL.test(name)) return { namespace, name };
  throw new Error('write the namespace and the name of the Service: portreeve/portreeve-webhook');
}

/**
 * null: there is no webhook.
 * @throws CommandError when one setting needs another, or can't be
 */
export function webhookSettings(
  request: WebhookRequest,
): (WebhookSettings & { readonly address: ListenAddress }) | null {
  const { webhookAddress: address, webhookService: service, webhookCertificateLifetime } = request;
  if (address === undefined && service === undefined) return null;
  if (address === undefined || service === undefined) {
    throw new CommandError(EXIT.usage, 'error: --webhook-address and --webhook-service need one another');
  }
  const lifetimeMs = parseDuration(webhookCertificateLifetime);
  if (lifetimeMs < MIN_LIFETIME_MS) {
    throw new CommandError(EXIT.usage, 'error: --webhook-certificate-lifetime must be at least 10s');
  }
  return { address, service, lifetimeMs };
}
