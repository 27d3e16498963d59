/** Pods of workers: one action each, on the server's node, with just the mounts that the action needs. */
import type { BackupServer, PodResources, TapeLibrary } from '../../api/generated/index.ts';
import { finalizers, labels, mediaServerTaint, serviceAccounts } from '../../api/names.ts';
import type { JobIdentity, WorkerOrder } from '../../api/worker-order.ts';
import type { Container, Pod, ResourceRequirements, Volume, VolumeMount } from '../../kube/core-types.ts';

export interface WorkerImage {
  readonly image: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
}

export interface WorkerPodPlan {
  readonly order: WorkerOrder;
  readonly server: BackupServer;
  /** Absent where the action touches no library, as a plan. */
  readonly library?: TapeLibrary;
  /** Folder or claim that holds the source. */
  readonly source?: Volume;
  readonly target?: Volume;
  readonly job?: JobIdentity;
  /** Until every container was reported terminated nobody may remove the pod: it may still write. */
  readonly fence: boolean;
  readonly image: WorkerImage;
  readonly graceSeconds: number;
}

/** A volume without its name, as callers give it. */
const mounts = {
  source: { path: '/twinreel/source', env: 'TWINREEL_SOURCE' },
  target: { path: '/twinreel/target', env: 'TWINREEL_TARGET' },
  library: { path: '/twinreel/library', env: 'TWINREEL_LIBRARY' },
  catalogue: { path: '/twinreel/catalogue', env: 'TWINREEL_CATALOGUE' },
} as const;

type MountName = keyof typeof mounts;

const volumesOf = (plan: WorkerPodPlan): readonly (readonly [MountName, Volume])[] => {
  const folder = plan.library?.spec.driver.virtual?.folder;
  const claim = plan.library?.spec.driver.virtual?.persistentVolumeClaim;
  const catalogue = plan.server.spec.catalogueFolder;
  const found: (readonly [MountName, Volume | undefined])[] = [
    ['source', plan.source],
    ['target', plan.target],
    ['library', folder === undefined ? undefined : { name: 'library', hostPath: { path: folder, type: 'Directory' } }],
    ['library', claim === undefined ? undefined : { name: 'library', persistentVolumeClaim: claim }],
  ];
  if (plan.order.role === 'backup' && catalogue?.hostPath !== undefined) {
    const hostPath = { path: catalogue.hostPath.path, type: 'DirectoryOrCreate' as const };
    found.push(['catalogue', { name: 'catalogue', hostPath }]);
  }
  if (plan.order.role === 'backup' && catalogue?.persistentVolumeClaim !== undefined) {
    found.push(['catalogue', { name: 'catalogue', persistentVolumeClaim: catalogue.persistentVolumeClaim }]);
  }
  return found.flatMap(([name, volume]) => (volume === undefined ? [] : [[name, { ...volume, name }] as const]));
};

const podLabels = (plan: WorkerPodPlan): Record<string, string> => ({
  'app.kubernetes.io/name': 'twinreel',
  'app.kubernetes.io/component': 'worker',
  [labels.worker]: 'true',
  [labels.role]: plan.order.role,
  ...(plan.library === undefined ? {} : { [labels.library]: plan.library.metadata.name }),
  ...(plan.job === undefined ? {} : jobLabels(plan.job)),
  ...('grant' in plan.order
    ? { [labels.stream]: String(plan.order.grant.stream), [labels.epoch]: String(plan.order.grant.epoch) }
    : {}),
});

/** Labels by which everything of one job is found. */
export const jobLabels = (job: JobIdentity): Record<string, string> => ({
  [labels.jobUid]: job.uid,
  [labels.jobNamespace]: job.namespace,
  [labels.jobName]: job.name.slice(0, 63),
});

export const workerPod = (plan: WorkerPodPlan): Pod => {
  const volumes = volumesOf(plan);
  const { pod } = plan.server.spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: plan.order.pod,
      namespace: plan.order.operatorNamespace,
      labels: podLabels(plan),
      ...(plan.fence ? { finalizers: [finalizers.fence] } : {}),
    },
    spec: {
      nodeName: plan.server.spec.node,
      restartPolicy: 'Never',
      serviceAccountName: serviceAccounts.worker,
      terminationGracePeriodSeconds: plan.graceSeconds,
      enableServiceLinks: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      tolerations: [{ key: mediaServerTaint, operator: 'Exists', effect: 'NoSchedule' }, ...(pod?.tolerations ?? [])],
      ...(pod?.priorityClassName === undefined ? {} : { priorityClassName: pod.priorityClassName }),
      containers: [container(plan, volumes)],
      volumes: volumes.map(([, volume]) => volume),
    },
  };
};

const container = (plan: WorkerPodPlan, volumes: readonly (readonly [MountName, Volume])[]): Container => {
  const { pod } = plan.server.spec;
  const readOnly = new Set<MountName>(['source']);
  const volumeMounts = volumes.map(([name]): VolumeMount => ({
    name,
    mountPath: mounts[name].path,
    ...(readOnly.has(name) ? { readOnly: true } : {}),
  }));
  return {
    name: 'worker',
    image: plan.image.image,
    imagePullPolicy: plan.image.pullPolicy,
    env: [
      { name: 'TWINREEL_ORDER', value: orderText(plan.order) },
      ...volumes.map(([name]) => ({ name: mounts[name].env, value: mounts[name].path })),
      ...(pod?.env ?? []),
    ],
    ...(pod?.resources === undefined ? {} : { resources: resourcesOf(pod.resources) }),
    volumeMounts,
    // Owner, mode and xattrs of every file are read and restored: that takes root, and nothing else that root may do.
    securityContext: {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: {
        drop: ['ALL'],
        add: ['DAC_OVERRIDE', 'DAC_READ_SEARCH', 'CHOWN', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP', 'SYS_ADMIN'],
      },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
};

/** The kubelet expands `$(NAME)` in values; a dollar written as a JSON escape is left alone. */
const orderText = (order: WorkerOrder): string => JSON.stringify(order).replaceAll('$', '\\u0024');

const resourcesOf = ({ requests, limits }: PodResources): ResourceRequirements => {
  const strings = (quantities: Readonly<Record<string, string | number>>): Record<string, string> =>
    Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, String(quantity)]));
  return {
    ...(requests === undefined ? {} : { requests: strings(requests) }),
    ...(limits === undefined ? {} : { limits: strings(limits) }),
  };
};
