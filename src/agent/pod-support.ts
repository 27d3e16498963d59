/** What the agent runs and what it refuses: pure judgement of a pod's spec. */
import type { Pod, Volume } from './core-objects.ts';

export const workerLabel = 'twinreel.io/worker';

export type Verdict =
  | { readonly kind: 'run' }
  /** Not ours to run: it stays Pending. */
  | { readonly kind: 'foreign'; readonly reason: 'NotAWorkerPod'; readonly message: string }
  /** Ours, but it asks for what this agent can't give: it fails. */
  | { readonly kind: 'unsupported'; readonly reason: 'UnsupportedPod'; readonly message: string };

export interface Allowances {
  /** Tests and trials only: a pod may then run any program. */
  readonly command: boolean;
  /** Whoever may create pods elsewhere must not run anything here. */
  readonly namespace: string;
}

const knownVolumes = ['hostPath', 'emptyDir', 'projected', 'secret'];

const volumeKind = (volume: Volume): string => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';

const escapes = (path: string): boolean => path.startsWith('/') || path.split('/').includes('..');

const volumeObjection = (volumes: readonly Volume[]): string | undefined => {
  const unknown = volumes.find((volume) => !knownVolumes.includes(volumeKind(volume)));
  if (unknown === undefined) return undefined;
  return `volume ${unknown.name} is of kind ${volumeKind(unknown)}; this node has ${knownVolumes.join(', ')}`;
};

const objection = (pod: Pod, allow: Allowances): string | undefined => {
  const spec = pod.spec;
  const container = spec?.containers[0];
  if (spec === undefined || container === undefined) return 'the pod has no container';
  if (spec.containers.length !== 1)
    return `the pod has ${spec.containers.length} containers; this node runs exactly one`;
  if ((spec.initContainers ?? []).length > 0) return 'init containers are not run on this node';
  if (spec.restartPolicy !== 'Never') {
    return `restartPolicy is ${spec.restartPolicy ?? 'Always'}; this node runs pods with restartPolicy Never`;
  }
  if (container.command !== undefined && !allow.command) {
    return 'the container names a command; this node runs only the entrypoint it was given';
  }
  if ((container.envFrom ?? []).length > 0) return 'envFrom is not supported on this node; name each variable';
  if ((container.volumeDevices ?? []).length > 0) return 'block volumes (volumeDevices) are not supported on this node';
  const badMount = (container.volumeMounts ?? []).find(
    (mount) => mount.subPathExpr !== undefined || escapes(mount.subPath ?? ''),
  );
  if (badMount !== undefined) return `the mount ${badMount.mountPath} has a subPath that is not a plain relative path`;
  return volumeObjection(spec.volumes ?? []);
};

/** Never throws; equal pods get equal verdicts. */
export const judgePod = (pod: Pod, allow: Allowances): Verdict => {
  if (pod.metadata?.labels?.[workerLabel] !== 'true' || pod.metadata.namespace !== allow.namespace) {
    const which = `labelled ${workerLabel}=true in namespace ${allow.namespace}`;
    const message = `this node is a Twinreel media server and runs only pods ${which}`;
    return { kind: 'foreign', reason: 'NotAWorkerPod', message };
  }
  const message = objection(pod, allow);
  return message === undefined ? { kind: 'run' } : { kind: 'unsupported', reason: 'UnsupportedPod', message };
};
