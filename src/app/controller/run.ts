import { hostname } from 'node:os';
import { createProgramLog, type ProgramLog } from '../../observe/log.ts';
import { errorMessage } from '../../sources/kubernetes/client/api-error.ts';
import { ApiClient } from '../../sources/kubernetes/client/client.ts';
import { KubernetesSource } from '../../sources/kubernetes/source.ts';
import type { TranslateOptions } from '../../translate/options.ts';
import { type WebhookRequest, webhookSettings } from '../admission/settings.ts';
import type { Webhook, WebhookOptions } from '../admission/webhook.ts';
import type { Config, Overrides } from '../config.ts';
import { CommandError, EXIT, type ExitCode } from '../exit-code.ts';
import { sourceFeed } from '../feed.ts';
import { Gateway } from '../gateway.ts';
import { loadClusterConfig } from '../load-config.ts';
import { runGateway } from '../run-gateway.ts';
import { type StreamRequest, streamSettings } from '../stream/settings.ts';
import type { TableStream } from '../stream/table-stream.ts';
import { ClusterControl } from './cluster-control.ts';
import { logSourceFailure } from './failure-log.ts';

export interface ControllerRequest extends Overrides, WebhookRequest, StreamRequest {
  readonly configFile?: string;
  readonly logLevel: Parameters<typeof createProgramLog>[0]['level'];
  /** Default: the pod's service account, or what `KUBECONFIG` says. */
  readonly kubeconfig?: string;
  /** Only these; empty: all. */
  readonly namespace: readonly string[];
  readonly namespaceSelector?: string;
  readonly name: string;
  /** Default: the namespace of the pod or of the kubeconfig. */
  readonly ownNamespace?: string;
  readonly identity?: string;
  readonly replicaService?: string;
  readonly stateDir?: string;
  /** False: no thread here, the data planes run apart. */
  readonly traffic: boolean;
}

/**
 * Serves the resources of a cluster until a signal says to stop.
 * @throws CommandError when it can't begin.
 */
export async function runController(request: ControllerRequest): Promise<ExitCode> {
  const log = createProgramLog({ level: request.logLevel });
  const webhookAt = webhookSettings(request);
  const streamAt = streamSettings(request);
  const overrides = request.traffic ? request : { ...request, threads: 0 };
  const client = openClient(request.kubeconfig ?? null);
  const namespace = request.ownNamespace ?? client.namespace ?? 'default';
  const { config, validators } = await loadClusterConfig(
    request.configFile ?? null,
    namespace,
    overrides,
  ).catch(async (error: Error) => {
    await client.close();
    throw error;
  });
  const onFailure = logSourceFailure.bind(null, log);
  const source = new KubernetesSource({
    ...{ client, validators, onFailure },
    namespaces: request.namespace,
    namespaceSelector: request.namespaceSelector ?? null,
    references: ownReferences(namespace, config.translate),
  });
  const control = new ClusterControl({
    ...{ client, source, log },
    name: request.name,
    namespace,
    identity: request.identity ?? process.env.POD_NAME ?? `${hostname()}-${process.pid}`,
    replicaService: request.replicaService ?? null,
    stateDir: request.stateDir ?? null,
    webhook: webhookAt && (await openWebhook(webhookAt, { client, validators, config, log })),
    stream: streamAt && (await openStream(streamAt, client, log)),
    onSourceFailure: onFailure,
  });
  try {
    // It may wait for the API server for as long as it takes.
    const start = () => Gateway.start(config, sourceFeed(config, source, log, control), log, control);
    return await runGateway(start, log);
  } finally {
    await client.close();
  }
}

/** What the gateway's own configuration refers to, by namespace; a certificate as policies name Secrets. */
function ownReferences(
  ownNamespace: string,
  { globalPolicies, certificates = [], policyNamespace: common = ownNamespace }: TranslateOptions,
): readonly { readonly namespace: string; readonly of: readonly unknown[] }[] {
  const byNamespace = Map.groupBy(certificates, ({ namespace }) => namespace ?? common);
  const ofPolicies = globalPolicies.map(({ config }) => config);
  return [...new Set([common, ...byNamespace.keys()])].map((namespace) => ({
    namespace,
    of: [
      ...(namespace === common ? ofPolicies : []),
      ...(byNamespace.get(namespace) ?? []).map(({ name }) => ({ secretRef: { name } })),
    ],
  }));
}

async function openWebhook(
  { address, ...settings }: NonNullable<ReturnType<typeof webhookSettings>>,
  { config, ...parts }: Pick<WebhookOptions, 'client' | 'validators' | 'log'> & { readonly config: Config },
): Promise<Webhook> {
  // It loads an HTTP server that most runs do without.
  const { Webhook } = await import('../admission/webhook.ts');
  const options = { ...settings, ...parts, translate: config.translate };
  return Webhook.open(address, options).catch((error: Error) => {
    throw new CommandError(EXIT.cannotListen, `error: ${error.message}`);
  });
}

async function openStream(
  settings: NonNullable<ReturnType<typeof streamSettings>>,
  client: ApiClient,
  log: ProgramLog,
): Promise<TableStream> {
  const [{ TableStream }, { reviewTokens }, { KeptCertificate }] = await Promise.all([
    import('../stream/table-stream.ts'),
    import('../../sources/kubernetes/token-review.ts'),
    import('../stream/kept-certificate.ts'),
  ]);
  const { serviceAccounts, certificate } = settings;
  const accounts = serviceAccounts.length === 0 ? null : reviewTokens(client, serviceAccounts);
  const kept = certificate.kind === 'kept' ? new KeptCertificate({ ...certificate, client, log }) : null;
  return TableStream.open(settings, accounts, log, kept);
}

function openClient(kubeconfig: string | null): ApiClient {
  try {
    return new ApiClient(kubeconfig);
  } catch (error) {
    throw new CommandError(
      EXIT.usage,
      `${kubeconfig ?? 'kubeconfig'}: error: cannot be read: ${errorMessage(error)} (see --kubeconfig)`,
    );
  }
}
