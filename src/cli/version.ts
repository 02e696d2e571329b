import { Command } from 'commander';
import { EXIT } from '../app/exit-code.ts';
import { VERSION } from '../app/version.ts';
import type { Done } from './command.ts';
import { outputOption } from './options.ts';

export function versionCommand(done: Done): Command {
  return new Command('version')
    .description('Print the version.')
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText('after', '\nExamples:\n  portreeve version\n  portreeve version -o json')
    .action(({ output }: { output: string }) => {
      const facts = { ...VERSION, node: process.version, platform: `${process.platform}-${process.arch}` };
      const text = `portreeve ${facts.version} (${facts.revision}) on Node ${facts.node}, ${facts.platform}`;
      process.stdout.write(`${output === 'json' ? JSON.stringify(facts) : text}\n`);
      done(EXIT.ok);
    });
}
