import { Command } from 'commander';
import type { Done } from './command.ts';
import { configFileOption, outputOption } from './options.ts';

export interface ValidateOptions {
  readonly output: 'text' | 'json';
  readonly configFile?: string;
}

const EXAMPLES = `
Examples:
  portreeve validate ./gateway.d
  portreeve validate ./gateway.d -o json | jq '.findings[] | select(.severity == "error")'

Exits with 1 when there is an error. Warnings alone are no error.`;

export function validateCommand(done: Done): Command {
  return new Command('validate')
    .description('Check the resources of a folder as serve would, and print everything that is wrong.')
    .argument('<dir>', 'folder of YAML files, with its sub-folders')
    .addOption(outputOption(['text', 'json'], 'text'))
    .addOption(configFileOption())
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string, options: ValidateOptions) => {
      const { validate } = await import('./validate/run.ts');
      done(await validate(directory, options));
    });
}
