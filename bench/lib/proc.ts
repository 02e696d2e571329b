import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Linux reports CPU time in ticks of 10 ms (`getconf CLK_TCK` is 100 on every platform that runs the benchmark). */
const TICK_US = 10_000;

/** The process and everything that it started, by pid. */
export function processTree(pid: number): number[] {
  const pids = [pid];
  for (let i = 0; i < pids.length; i++) pids.push(...childrenOf(pids[i]!));
  return pids;
}

function childrenOf(pid: number): number[] {
  const threads = attempt(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap((tid) => {
    const text = attempt(() => readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8')) ?? '';
    return text.split(' ').filter(Boolean).map(Number);
  });
}

/** User and system time of the process tree so far, in microseconds. All threads are in it. */
export function cpuUs(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    const stat = attempt(() => readFileSync(`/proc/${each}/stat`, 'utf8'));
    if (stat === null) continue;
    // The command name may hold spaces: fields are counted after its closing bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_US;
}

/** Sum over the process tree, in bytes. Pages that processes share count for each. */
export function memoryBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  let sum = 0;
  for (const each of processTree(pid)) {
    const status = attempt(() => readFileSync(`/proc/${each}/status`, 'utf8')) ?? '';
    sum += Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  }
  return sum;
}

/** The peak starts again at what is resident now (proc_pid_clear_refs(5)). */
export function resetPeak(pid: number): void {
  for (const each of processTree(pid)) attempt(() => writeFileSync(`/proc/${each}/clear_refs`, '5'));
}

/** A process may end while it is looked at. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
