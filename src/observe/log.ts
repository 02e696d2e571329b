import { type DestinationStream, type Level, type Logger, pino } from 'pino';
import { redact, redactText } from './redact.ts';

/**
 * The program's log: fields first, then a message. Never on the path of a request. No children: pino writes
 * their bindings past the redaction.
 */
export type ProgramLog = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** From the quietest to the most talkative. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const satisfies Level[];

export interface ProgramLogOptions {
  readonly level: Level;
  /** Default: standard error, so that standard output belongs to the access log. */
  readonly destination?: DestinationStream;
}

/** Lines that wait for a standard error that nobody reads; beyond it they are lost rather than kept. */
const MAX_WAITING_BYTES = 1_048_576;

/**
 * JSON lines with `level`, `time` (RFC 3339), the fields and `message`. Fields, messages and
 * errors are redacted on their way out, so a secret that reached them isn't printed.
 */
export function createProgramLog(options: ProgramLogOptions): ProgramLog {
  return pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      // Redacted by then; pino's own serializer would only add fields of its own.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args as unknown[];
          const texts = rest.map((value) => redact(value));
          if (first instanceof Error) {
            return method.apply(this, [{ err: first }, texts[0] ?? redactText(first.message)] as never);
          }
          return method.apply(this, [
            typeof first === 'string' ? redactText(first) : first,
            ...texts,
          ] as never);
        },
      },
    },
    options.destination ?? standardError(),
  );
}

/** Writes at once and waits for it: few lines, and the last one before a crash must not be lost. */
function standardError(): DestinationStream {
  return pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
}
