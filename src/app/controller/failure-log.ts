import type { ProgramLog } from '../../observe/log.ts';
import type { ReflectorFailure } from '../../sources/kubernetes/reflector.ts';

/** The first failures in a row are logged, then every so many: an API server that is away for an hour is one story. */
const ALWAYS_UP_TO = 3;
const THEN_EVERY = 20;

export function logSourceFailure(log: ProgramLog, failure: ReflectorFailure): void {
  const { failures, kind, step, message, retryInMs } = failure;
  if (failures > ALWAYS_UP_TO && failures % THEN_EVERY !== 0) return;
  const fields = {
    event: 'sourceFailed',
    kind,
    step,
    error: message,
    failures,
    retryInMs: Math.round(retryInMs),
  };
  if (step === 'handler') log.error(fields, `a change of ${kind} could not be taken`);
  else log.warn(fields, `${step} of ${kind} failed; it is tried again`);
}
