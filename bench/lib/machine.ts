import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** One line that says on what the figures were made. */
export function machineLine(): string {
  const cpus = os.cpus();
  const parts = [
    `${cpus[0]?.model.trim() ?? 'unknown CPU'} (${cpus.length} cores)`,
    `Linux ${os.release()}`,
    `Node ${process.versions.node}`,
    `nginx ${version('nginx', '-v')}`,
    `HAProxy ${version('haproxy', '-v')}`,
    `wrk ${version('wrk', '-v')}`,
  ];
  return parts.join(', ');
}

/** The first thing in a program's output that looks like a version. */
function version(command: string, flag: string): string {
  try {
    // nginx and wrk write it to stderr, and wrk ends with 1.
    const text = execFileSync('sh', ['-c', `${command} ${flag} 2>&1 || true`], { encoding: 'utf8' });
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? '(not there)';
  } catch {
    return '(not there)';
  }
}

/** How busy the machine is with other things: load average of the last minute. */
export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}
