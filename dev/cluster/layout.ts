/** Names, addresses and folders of a cluster bench; all follow from its state folder. */
import { createHash } from 'node:crypto';
import path from 'node:path';

export const nodeNames = ['node-1', 'node-2'] as const;
export type NodeName = (typeof nodeNames)[number];
export type MemberName = 'control-plane' | NodeName;

export const controlPlaneAddress = '10.88.7.1';
export const podRange = '10.88.16.0/20';
export const serviceRange = '10.96.0.0/16';
export const pauseImage = 'twinreel.local/pause:1';

export interface NodeLayout {
  readonly name: NodeName;
  readonly address: string;
  readonly podCidr: string;
  readonly folder: string;
  readonly cgroup: string;
}

export interface Layout {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly processes: string;
  readonly controlPlaneCgroup: string;
  readonly nodes: readonly NodeLayout[];
}

export function layoutOf(folder: string): Layout {
  const id = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  return {
    folder,
    kubeconfig: path.join(folder, 'kubeconfig'),
    processes: path.join(folder, 'processes.json'),
    controlPlaneCgroup: `twinreel-${id}-control-plane`,
    nodes: nodeNames.map((name, index) => ({
      name,
      address: `10.88.7.${11 + index}`,
      podCidr: `10.88.${16 + index}.0/24`,
      folder: path.join(folder, name),
      cgroup: `twinreel-${id}-${name}`,
    })),
  };
}
