/** Ends everything of a cluster bench: what it wrote down, and whatever else its cgroups hold. */
import { rmSync } from 'node:fs';
import { endProcesses } from '../processes/process-end.ts';
import type { ProcessIdentity } from '../processes/process-identity.ts';
import { processesIn, removeCgroups } from './cgroups.ts';
import type { Layout } from './layout.ts';
import { readProcesses } from './processes.ts';

// The API server hangs when its etcd is gone first; containers must be left to containerd until the kubelet is gone.
const order = ['kubelet', 'kube-proxy', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'] as const;
const boundMs = 3_000;

export async function down(layout: Layout): Promise<void> {
  const cgroups = [...layout.nodes.map((node) => node.cgroup), layout.controlPlaneCgroup];
  // Only what is in the bench's cgroups is the bench's: a pid written down may be another process by now.
  const ours = new Map(cgroups.flatMap((name) => processesIn(name)).map((one) => [one.pid, one]));
  const listed = readProcesses(layout);
  for (const role of order) {
    const these: ProcessIdentity[] = listed
      .filter((one) => one.role === role)
      .flatMap((one) => ours.get(one.pid) ?? []);
    await endProcesses(these, 'SIGTERM', boundMs);
  }
  // The mounts and links of a member are in its namespaces and go with its last process.
  for (const name of cgroups) await removeCgroups(name);
  rmSync(layout.processes, { force: true });
}
