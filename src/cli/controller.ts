import { Command, Option } from 'commander';
import type { ControllerRequest } from '../app/controller/run.ts';
import type { Done } from './command.ts';
import { gatewayOptions } from './gateway-options.ts';
import { toDuration, toListenAddress, toServiceName } from './options.ts';
import { streamOptions } from './stream-options.ts';

const EXAMPLES = `
Examples:
  portreeve controller --kubeconfig ~/.kube/config --listen 127.0.0.1:8080
  portreeve controller --namespace shop --namespace ops
  portreeve controller --replica-service portreeve-replicas --state-dir /var/lib/portreeve

In a pod the service account is used. One replica at a time writes statuses: the one that holds the Lease
of the controller's name. SIGTERM or SIGINT drains; a second one ends at once.`;

export function controllerCommand(done: Done): Command {
  const command = new Command('controller').description('Serve the resources of a Kubernetes cluster.');
  for (const option of [...clusterOptions(), ...webhookOptions(), ...dataPlaneOptions(), ...gatewayOptions()])
    command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(async (options: ControllerRequest) => {
    const { runController } = await import('../app/controller/run.ts');
    done(await runController(options));
  });
}

function clusterOptions(): readonly Option[] {
  return [
    new Option('--kubeconfig <file>', "how to reach the cluster (default: the pod's service account)"),
    new Option('--namespace <name...>', 'watch only these namespaces (default: all)')
      .env('PORTREEVE_NAMESPACE')
      .argParser(toNames)
      .default([]),
    new Option(
      '--namespace-selector <labels>',
      'of those, only namespaces with these labels, such as team=shop',
    ).env('PORTREEVE_NAMESPACE_SELECTOR'),
    new Option('--name <name>', 'of the Lease, and who statuses and events say they are from')
      .env('PORTREEVE_NAME')
      .default('portreeve'),
    new Option('--own-namespace <name>', "of the Lease and the replica Service (default: the pod's)").env(
      'POD_NAMESPACE',
    ),
    new Option('--identity <name>', "of this replica, unlike any other (default: the pod's name)").env(
      'POD_NAME',
    ),
    new Option(
      '--replica-service <name>',
      'headless Service over all replicas, with a port "admin": a route is Programmed when all of them serve it',
    ).env('PORTREEVE_REPLICA_SERVICE'),
    new Option(
      '--state-dir <dir>',
      'keep the last good table here, and start from it while the API server is away',
    ).env('PORTREEVE_STATE_DIR'),
  ];
}

function webhookOptions(): readonly Option[] {
  return [
    new Option(
      '--webhook-address <address:port>',
      'answer admission reviews here (default: there is no webhook)',
    )
      .env('PORTREEVE_WEBHOOK_ADDRESS')
      .argParser(toListenAddress),
    new Option('--webhook-service <namespace/name>', 'Service by which API servers call the webhook')
      .env('PORTREEVE_WEBHOOK_SERVICE')
      .argParser(toServiceName),
    new Option('--webhook-certificate-lifetime <duration>', 'a new one is made when a third of it is left')
      .env('PORTREEVE_WEBHOOK_CERTIFICATE_LIFETIME')
      .argParser(toDuration)
      .default('2160h'),
  ];
}

function dataPlaneOptions(): readonly Option[] {
  return [
    ...streamOptions(),
    new Option(
      '--stream-service-account <namespace/name...>',
      'data planes may show a token of this service account, issued for the audience portreeve',
    )
      .env('PORTREEVE_STREAM_SERVICE_ACCOUNT')
      .argParser(toNames),
    new Option(
      '--stream-service <namespace/name>',
      'Service by which data planes call: the certificate is made here, kept in the Secret NAME-certificate and rotated',
    )
      .env('PORTREEVE_STREAM_SERVICE')
      .argParser(toServiceName),
    new Option('--stream-certificate-lifetime <duration>', 'a new one is made when a third of it is left')
      .env('PORTREEVE_STREAM_CERTIFICATE_LIFETIME')
      .argParser(toDuration)
      .default('2160h'),
    new Option('--no-traffic', 'no data-plane thread here: all of them run apart').env(
      'PORTREEVE_NO_TRAFFIC',
    ),
  ];
}

/** Several by repeating the option, or with commas between them. */
function toNames(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((name) => name !== '')];
}
