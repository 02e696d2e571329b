import type { Command } from 'commander';
import type { ExitCode } from '../app/exit-code.ts';

/** Takes the exit code of a command that ran to its end. */
export type Done = (code: ExitCode) => void;

export type MakeCommand = (done: Done) => Command;
