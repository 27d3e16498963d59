/** How the end of a container is told in a pod's status: pure. */
import type { Ending } from './containers.ts';
import type { TerminatedState } from './core-objects.ts';
import { kubeTime } from './kube-time.ts';

/** The exit code that Kubernetes gives to a container of which nobody saw the end. */
const unknownExitCode = 137;

export type Ended = Exclude<Ending, { readonly kind: 'neverStarted' }>;

export const terminatedState = (ending: Ended, startedAtMs: number, message: string | undefined): TerminatedState => {
  const times = { startedAt: kubeTime(startedAtMs), finishedAt: kubeTime(Math.max(ending.finishedAtMs, startedAtMs)) };
  if (ending.kind === 'lost') {
    return {
      exitCode: unknownExitCode,
      reason: 'ContainerStatusUnknown',
      message: message ?? ending.message,
      ...times,
    };
  }
  return {
    exitCode: ending.exitCode,
    ...(ending.signal === undefined ? {} : { signal: ending.signal }),
    reason: ending.reason,
    ...(message === undefined ? {} : { message }),
    ...times,
  };
};

/** No start time and no container id: the mark of a container that has never run. */
export const neverStartedState = (message: string): TerminatedState => ({
  exitCode: unknownExitCode,
  reason: 'NeverStarted',
  message,
});

/** The API says that it ran, but this machine has neither a record nor a process of it. */
export const forgottenState = (startedAt: string | undefined, nowMs: number): TerminatedState => ({
  exitCode: unknownExitCode,
  reason: 'ContainerStatusUnknown',
  message: 'this node has no record of the container; no process of the pod is left',
  ...(startedAt === undefined ? {} : { startedAt }),
  finishedAt: kubeTime(nowMs),
});
