import { Command } from 'commander';
import { CommandError, EXIT } from '../app/exit-code.ts';
import type { Done } from './command.ts';
import { outputOption } from './options.ts';

interface CrdsOptions {
  readonly kind?: string;
  readonly output: 'yaml' | 'json';
}

const EXAMPLES = `
Examples:
  portreeve crds | kubectl apply --server-side -f -
  portreeve crds --kind GatewayRoute -o json`;

export function crdsCommand(done: Done): Command {
  return new Command('crds')
    .description('Print the CustomResourceDefinitions of this version, to be applied before its resources.')
    .option('--kind <kind>', 'only this kind, such as GatewayRoute')
    .addOption(outputOption(['yaml', 'json'], 'yaml'))
    .addHelpText('after', EXAMPLES)
    .action(async ({ kind, output }: CrdsOptions) => {
      process.stdout.write(await printCrds(kind ?? null, output));
      done(EXIT.ok);
    });
}

/** @throws CommandError when there is no such kind. */
async function printCrds(kind: string | null, output: CrdsOptions['output']): Promise<string> {
  const [{ customResourceDefinitions }, { policyCatalogue }, { dump, YAML11_SCHEMA }] = await Promise.all([
    import('../resources/crd/definitions.ts'),
    import('../policies/index.ts'),
    import('js-yaml'),
  ]);
  const all = [...customResourceDefinitions(policyCatalogue).values()];
  const chosen = all.filter((crd) => kind === null || crd.spec.names.kind === kind);
  if (chosen.length === 0) {
    const kinds = all.map((crd) => crd.spec.names.kind).join(', ');
    throw new CommandError(EXIT.usage, `error: there is no kind "${kind}" (use one of: ${kinds})`);
  }
  if (output === 'yaml') {
    // kubectl reads YAML 1.1, where a bare `on` is a boolean: the 1.1 schema quotes it.
    return chosen
      .map((crd) => dump(crd, { schema: YAML11_SCHEMA, noRefs: true, lineWidth: 110 }))
      .join('---\n');
  }
  const list = { apiVersion: 'v1', kind: 'List', items: chosen };
  return `${JSON.stringify(chosen.length === 1 ? chosen[0] : list, null, 2)}\n`;
}
