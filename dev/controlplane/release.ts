import path from 'node:path';

export const kubernetesVersion = 'v1.37.2';
/** The one that this Kubernetes is built with. */
export const etcdVersion = 'v3.7.0';
/** The Go module that gives one binary with everything. */
export const goSources = path.join(import.meta.dirname, 'go');

export const binaryNames = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;
export type BinaryName = (typeof binaryNames)[number];
