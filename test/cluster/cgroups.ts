import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { waitUntil } from './wait.ts';

const cgroupRoot = '/sys/fs/cgroup';
// Containerd puts every pod's containers there when kubelet names no parent; another containerd's may be beside ours.
const parent = 'k8s.io';

/**
 * Removes the cgroups of the cluster's containers, after their processes have been killed. Which ones they are is
 * told by containerd's own folder, whose ids no other containerd has.
 */
export async function removeContainerCgroups(layout: Layout): Promise<void> {
  const ids = children(join(layout.containerd, 'io.containerd.runtime.v2.task', parent));
  const hierarchies = [cgroupRoot, ...children(cgroupRoot).map((controller) => join(cgroupRoot, controller))];
  for (const folder of hierarchies.map((hierarchy) => join(hierarchy, parent)).filter(existsSync)) {
    const ours = ids.map((id) => join(folder, id)).filter(existsSync);
    const what = `the cgroups in ${folder} to empty`;
    for (const cgroup of ours) await waitUntil(() => removeTree(cgroup), { what, intervalMs: 20 });
    if (children(folder).length === 0) rmdirSync(folder);
  }
}

/** Only folders can be removed: a cgroup's files are the kernel's, and go with it. */
function removeTree(folder: string): true {
  for (const child of children(folder)) removeTree(join(folder, child));
  if (existsSync(folder)) rmdirSync(folder);
  return true;
}

function children(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((child) => child.isDirectory())
    .map((child) => child.name);
}
