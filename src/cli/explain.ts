import { Command } from 'commander';
import type { Done } from './command.ts';
import { configFileOption, outputOption } from './options.ts';

export interface ExplainOptions {
  /** Folder of resources. */
  readonly config: string;
  readonly configFile?: string;
  /** As written: `Name: value`. */
  readonly header: readonly string[];
  readonly client: string;
  readonly listener?: string;
  /** Namespace and name, or the name alone: of the route's namespace. */
  readonly consumer?: string;
  readonly output: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  portreeve explain GET http://api.example.com/users/7 --config ./gateway.d
  portreeve explain POST /orders -H 'Host: api.example.com' -H 'X-Tenant: acme' --config ./gateway.d --client 203.0.113.7
  portreeve explain GET http://localhost:8080/ --config ./gateway.d -o json | jq .winner.route

Nothing is sent: the request is read, normalised and matched by the code that serves.
Exits with 1 when the gateway would refuse the request, or no route takes it.`;

export function explainCommand(done: Done): Command {
  return new Command('explain')
    .description(
      'Say which route would take a request, what would happen to it, and why no other route does.',
    )
    .argument('<method>', 'request method, such as GET')
    .argument('<url>', 'URL, or a path when a Host header is given')
    .requiredOption('--config <dir>', 'folder of YAML files, with its sub-folders')
    .option('-H, --header <line>', "a request header, 'Name: value'; may be repeated", collect, [])
    .option('--client <address>', 'address that the request comes from', '127.0.0.1')
    .option(
      '--listener <name>',
      "listener that takes it (default: the one with the URL's port, else the first)",
    )
    .option(
      '--consumer <name>',
      "Consumer that sends it (NAME of the route's namespace, or NAMESPACE/NAME): its policies are shown, too",
    )
    .addOption(configFileOption())
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText('after', EXAMPLES)
    .action(async (method: string, url: string, options: ExplainOptions) => {
      const { explain } = await import('./explain/run.ts');
      done(await explain(method, url, options));
    });
}

function collect(line: string, lines: readonly string[]): readonly string[] {
  return [...lines, line];
}
