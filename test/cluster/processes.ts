import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { waitUntil } from './wait.ts';

/**
 * A process of this machine beyond doubt: its pid can be given to another one, but not together with the start time
 * (clock ticks since boot) and the boot.
 */
export interface ProcessRef {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

interface Stat {
  readonly state: string;
  readonly startTime: string;
}

/** /proc/PID/stat, proc_pid_stat(5); undefined when there is no such process. */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The process that has `pid` now; undefined when there is none. */
export function processRef(pid: number): ProcessRef | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime, bootId: bootId() };
}

/** Whether that very process still runs. A zombie does not. */
export function isAlive(ref: ProcessRef): boolean {
  const stat = readStat(ref.pid);
  return (
    stat !== undefined && stat.state !== 'Z' && stat.startTime === ref.startTime && bootId() === ref.bootId
  );
}

/** Sends a signal to that very process; false when it is gone. */
export function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): boolean {
  if (!isAlive(ref)) return false;
  try {
    return process.kill(ref.pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Resolves once that process has ended. */
export async function waitForExit(ref: ProcessRef, what: string, timeoutMs = 30_000): Promise<void> {
  await waitUntil(() => !isAlive(ref), { what: `${what} to end`, timeoutMs, intervalMs: 20 });
}

/** The first child of a process, once it has one: what `unshare` forks into the pid namespace that it has made. */
export function firstChild(parent: ProcessRef, what: string): Promise<ProcessRef> {
  return waitUntil(
    () => {
      const text = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
      const pid = Number(text.trim().split(' ')[0]);
      return pid > 0 ? processRef(pid) : undefined;
    },
    { what: `${what} to start`, intervalMs: 5 },
  );
}

/** The process that has a pid in the pid namespace of another one; undefined when there is none. */
export function processInside(member: ProcessRef, pidInside: number): ProcessRef | undefined {
  const namespace = readlinkSync(`/proc/${member.pid}/ns/pid`);
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) !== namespace) continue;
      // Outermost namespace first (proc_pid_status(5)).
      const inside = /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      if (Number(inside) === pidInside) return processRef(Number(name));
    } catch {
      // It has ended since /proc was listed.
    }
  }
  return undefined;
}
