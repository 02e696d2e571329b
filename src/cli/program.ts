import { Command, CommanderError } from 'commander';
import { CommandError, EXIT, type ExitCode } from '../app/exit-code.ts';
import { VERSION } from '../app/version.ts';
import { controllerCommand } from './controller.ts';
import { crdsCommand } from './crds.ts';
import { dataPlaneCommand } from './data-plane.ts';
import { explainCommand } from './explain.ts';
import { serveCommand } from './serve.ts';
import { validateCommand } from './validate.ts';
import { versionCommand } from './version.ts';

const EXIT_CODES = `
Exit codes:
  0  all is well
  1  configuration or resources are not valid; explain: no route takes the request
  2  unknown command or option, or a file or folder that is not there
  3  an address can't be listened on
  4  a fault of the program itself
  5  ended by a second signal before running requests were finished

Environment: options of serve can be given as PORTREEVE_LISTEN, PORTREEVE_ADMIN and so on; NO_COLOR is respected.`;

/**
 * Runs the command that the arguments name; its modules are loaded only then.
 * @returns the exit code
 */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  // `portreeve crds | head`: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const done = (code: ExitCode): void => {
    exitCode = code;
  };
  const program = new Command('portreeve')
    .description(
      'Kubernetes ingress controller and API gateway. Serves GatewayRoute resources, here from a folder.',
    )
    .version(VERSION.version, '-V, --version', 'print the version')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(see --help)')
    .exitOverride();
  for (const make of [
    serveCommand,
    controllerCommand,
    dataPlaneCommand,
    validateCommand,
    explainCommand,
    crdsCommand,
    versionCommand,
  ]) {
    program.addCommand(make(done).exitOverride().showHelpAfterError('(see --help)'));
  }
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    return reportFailure(error);
  }
}

function reportFailure(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`portreeve: this is a fault of the program, please report it:\n${text}\n`);
  return EXIT.internal;
}
