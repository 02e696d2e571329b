import { Command, Option } from 'commander';
import type { DataPlaneRequest } from '../app/stream/run.ts';
import type { Done } from './command.ts';
import { gatewayOptions } from './gateway-options.ts';

const EXAMPLES = `
Examples:
  portreeve data-plane --controller https://portreeve-controller.portreeve.svc:9902 --ca-file ca.crt --state-dir /var/lib/portreeve

The name is resolved for each connection, and every address of it is tried. While no controller answers, the table that
was told last is served; with --state-dir, also after a start.`;

/** Where the kubelet puts a token for the audience of the controller. */
const TOKEN_FILE = '/var/run/secrets/portreeve/token';

export function dataPlaneCommand(done: Done): Command {
  const command = new Command('data-plane').description('Serve the tables of a controller that runs apart.');
  for (const option of [...followOptions(), ...gatewayOptions()]) command.addOption(option);
  return command.addHelpText('after', EXAMPLES).action(async (options: DataPlaneRequest) => {
    const { runDataPlane } = await import('../app/stream/run.ts');
    done(await runDataPlane(options));
  });
}

function followOptions(): readonly Option[] {
  return [
    new Option('--controller <url>', 'https://NAME:PORT, the --stream of a controller')
      .env('PORTREEVE_CONTROLLER')
      .makeOptionMandatory(),
    new Option('--token-file <file>', 'token to show to it; read for each connection')
      .env('PORTREEVE_TOKEN_FILE')
      .default(TOKEN_FILE),
    new Option(
      '--ca-file <file>',
      "authorities of the controller's certificate; read for each connection (default: those that Node trusts)",
    ).env('PORTREEVE_CA_FILE'),
    new Option('--insecure', 'take an http: URL of a loopback address: the token is sent in plain text'),
    new Option(
      '--state-dir <dir>',
      'keep the last good table here, and start from it while no controller answers',
    ).env('PORTREEVE_STATE_DIR'),
    new Option(
      '--name <name>',
      "of this data plane in the controller's log (default: the pod's, or the host's)",
    ).env('POD_NAME'),
  ];
}
