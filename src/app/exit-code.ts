/** What the program's exit code means; the same numbers are in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** Configuration or resources are not valid; `validate` found errors; `explain` found no route. */
  invalid: 1,
  /** Unknown command or option, or an option's value that cannot be. */
  usage: 2,
  /** An address is taken or may not be bound. */
  cannotListen: 3,
  /** A fault of the program itself. */
  internal: 4,
  /** A second signal ended the program before running requests were finished. */
  forced: 5,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the program with a message for people and no stack. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
