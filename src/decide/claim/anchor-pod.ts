/** The pod that keeps a claim mounted on a server's node: it runs in the user's namespace and may do nothing at all. */
import { anchorName, labels, mediaServerTaint } from '../../api/names.ts';
import type { JobIdentity } from '../../api/worker-order.ts';
import type { Pod, Toleration } from '../../kube/core-types.ts';
import { jobLabels } from '../grant/worker-pod.ts';
import type { WorkerImage } from '../grant/worker-pod.ts';

export interface AnchorPlan {
  readonly job: JobIdentity;
  readonly claimName: string;
  /** The claim is this grant's clone of a snapshot. */
  readonly isClone?: boolean;
  readonly write: boolean;
  readonly node: string;
  readonly image: WorkerImage;
  readonly tolerations: readonly Toleration[];
}

/** Numeric and not root, so that the strictest pod security standard admits it. */
const nobody = 65_532;

export const anchorPod = ({ job, claimName, isClone, write, node, image, tolerations }: AnchorPlan): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: anchorName(job.uid, node, isClone === true ? claimName : ''),
    namespace: job.namespace,
    labels: {
      'app.kubernetes.io/name': 'twinreel',
      'app.kubernetes.io/component': 'anchor',
      [labels.anchor]: 'true',
      ...jobLabels(job),
    },
  },
  spec: {
    // Past the scheduler: the claim has to be mounted on this node and no other.
    nodeName: node,
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    tolerations: [{ key: mediaServerTaint, operator: 'Exists', effect: 'NoSchedule' }, ...tolerations],
    securityContext: { runAsNonRoot: true, runAsUser: nobody, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'anchor',
        image: image.image,
        imagePullPolicy: image.pullPolicy,
        args: ['src/worker/anchor.ts'],
        resources: { requests: { cpu: '1m', memory: '32Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
        volumeMounts: [{ name: 'claim', mountPath: '/claim', ...(write ? {} : { readOnly: true }) }],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
    volumes: [{ name: 'claim', persistentVolumeClaim: { claimName, ...(write ? {} : { readOnly: true }) } }],
  },
});
