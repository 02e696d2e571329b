import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { downLocal } from './local.ts';
import { isAlive } from './processes.ts';
import { clusterIsLocal, clusterUnavailable } from './requirements.ts';
import { type ClusterState, readState } from './state.ts';
import { waitUntil } from './wait.ts';

const elsewhere = !clusterIsLocal() || process.env.PORTREEVE_CLUSTER_DIR;
const local = clusterUnavailable() === undefined && !elsewhere;
const moduleUrl = (file: string): string => new URL(file, import.meta.url).href;

describe.skipIf(!local)('after a crash', { timeout: 30 * 60_000 }, () => {
  let parent = '';
  let dir = '';
  let starter: ChildProcess | undefined;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'portreeve-teardown-'));
    dir = join(parent, 'cluster');
  });
  afterEach(async () => {
    starter?.kill('SIGKILL');
    await downLocal(dir);
    rmSync(parent, { recursive: true, force: true });
  });

  const containerIds = (): readonly string[] =>
    readdirSync(join(dir, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io'));
  /** Cgroups with these names: of one controller (v1) or the only hierarchy (v2), as the others have the same. */
  const cgroupsOf = (ids: readonly string[]): readonly string[] =>
    ['/sys/fs/cgroup/k8s.io', '/sys/fs/cgroup/pids/k8s.io']
      .flatMap((folder) => ids.map((id) => join(folder, id)))
      .filter((path) => existsSync(path));
  const components = (state: ClusterState): number => Object.values(state.components).filter(isAlive).length;
  const startUntil = async (args: readonly string[], reached: (state: ClusterState) => boolean) => {
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    starter = child;
    return await waitUntil(
      () => {
        const state = readState(join(dir, 'state.json'));
        return state !== undefined && reached(state) ? state : undefined;
      },
      { what: 'the cluster to start', timeoutMs: 25 * 60_000 },
    );
  };
  const expectNothingLeft = (state: ClusterState): void => {
    expect(isAlive(state.init)).toBe(false);
    expect(components(state)).toBe(0);
    expect(existsSync(dir)).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dir);
  };

  test('of "up" in the middle of its work, "down" removes all of it', async () => {
    const cli = fileURLToPath(new URL('./cluster.ts', import.meta.url));
    const state = await startUntil([cli, 'up', '--dir', dir], (current) => components(current) >= 3);
    starter?.kill('SIGKILL');
    expect(await downLocal(dir)).toBe(true);
    expectNothingLeft(state);
    expect(await downLocal(dir)).toBe(false);
  });

  test('of a test process, its cluster ends by itself', async () => {
    const script = `
      import { backendObjects, startCluster } from ${JSON.stringify(moduleUrl('./index.ts'))};
      import { writeFileSync } from 'node:fs';
      const cluster = await startCluster({ dir: ${JSON.stringify(dir)} });
      await cluster.apply(...backendObjects({ name: 'echo' }));
      await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=180s');
      writeFileSync(${JSON.stringify(join(parent, 'up'))}, '');
      setInterval(() => {}, 1000);`;
    const up = (): boolean => existsSync(join(parent, 'up'));
    const state = await startUntil(['--input-type=module-typescript', '--eval', script], up);
    starter?.kill('SIGKILL');
    const ids = containerIds();
    expect(cgroupsOf(ids)).toHaveLength(2);
    // Not `init`: it looks dead while the kernel still ends the others. Its parent learns of it after that.
    await waitUntil(() => !isAlive(state.holder), { what: 'the cluster to end' });
    expect(components(state)).toBe(0);
    await downLocal(dir);
    expectNothingLeft(state);
    expect(cgroupsOf(ids)).toEqual([]);
  });
});
