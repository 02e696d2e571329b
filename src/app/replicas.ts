import { lookup as systemLookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaCount } from '../ir/settings.ts';
import type { ProgramLog } from '../observe/log.ts';

const INTERVAL_MS = 5_000;
/** A start does not wait longer for the first answer. */
const FIRST_WAIT_MS = 2_000;

export interface ReplicaFollowOptions {
  readonly setting: ReplicaCount;
  /** Called with the first number, and with each one that differs from the one before. */
  readonly onCount: (count: number) => void;
  readonly log: Pick<ProgramLog, 'info' | 'warn'>;
  readonly intervalMs?: number;
  /** For tests: the addresses of a name. */
  readonly lookup?: (
    name: string,
  ) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/**
 * Tells how many replicas there are, and again when that changes, until the returned function is called. A name that can't be
 * resolved leaves the last number in force; before any answer that is 1.
 */
export async function followReplicas(options: ReplicaFollowOptions): Promise<() => void> {
  const { setting, onCount, log, intervalMs = INTERVAL_MS } = options;
  const nothing = () => {};
  if (setting.kind === 'unknown') return nothing;
  if (setting.kind === 'fixed') {
    onCount(setting.count);
    return nothing;
  }
  const { name } = setting;
  const lookup = options.lookup ?? ((host) => systemLookup(host, { all: true }));
  let stopped = false;
  let known = 0;
  let failing = false;
  let timer: NodeJS.Timeout | undefined;
  const tell = (count: number) => {
    if (count === known || stopped) return;
    if (known > 0) log.info({ event: 'replicas', count }, 'limits of scope replicas are shared anew');
    known = count;
    onCount(count);
  };
  const look = async (): Promise<void> => {
    try {
      tell(countReplicas(await lookup(name)));
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ event: 'replicas', name, error }, 'the replicas can not be found by DNS');
      failing = true;
    }
    if (stopped) return;
    timer = setTimeout(() => void look(), intervalMs);
    timer.unref();
  };
  await Promise.race([look(), sleep(FIRST_WAIT_MS, undefined, { ref: false })]);
  if (known === 0) tell(1);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Pods of two families have an address of each. @throws Error when there is none */
function countReplicas(addresses: readonly { readonly address: string; readonly family: number }[]): number {
  const of = (family: number) =>
    new Set(addresses.filter((one) => one.family === family).map(({ address }) => address)).size;
  const count = Math.max(of(4), of(6));
  if (count === 0) throw new Error('the name has no address');
  return count;
}
