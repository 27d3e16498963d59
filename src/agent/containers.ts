/**
 * What runs containers. The real one starts processes on this machine (`process-containers.ts`); a simulation brings
 * its own.
 */
import type { PodIdentity } from './core-objects.ts';

export interface Launch {
  readonly pod: PodIdentity;
  readonly container: string;
  /** Program and arguments, paths already rewritten. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absent: a folder of the pod's own. */
  readonly workingFolder?: string;
}

export type Ending =
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly signal?: number;
      readonly reason: 'Completed' | 'Error' | 'OOMKilled';
      readonly finishedAtMs: number;
    }
  /** It ran, it runs no more, and nobody saw how it ended. */
  | { readonly kind: 'lost'; readonly message: string; readonly finishedAtMs: number }
  /** It was recorded but not let go: no work was done. */
  | { readonly kind: 'neverStarted' };

export interface Container {
  readonly pod: PodIdentity;
  readonly name: string;
  readonly startedAtMs: number;
  /** Resolves once the container has ended and no process of the pod is left; never rejects. */
  readonly ended: Promise<Ending>;
  /** SIGTERM to the main process. */
  terminate(): void;
  /** SIGKILL to every process of the pod, until none is left. */
  kill(): void;
}

export interface Containers {
  /** Resolves when the container runs and is on record. Rejects when it could not be started; then nothing runs. */
  start(launch: Launch): Promise<Container>;
  /** Pods of which an earlier agent left something behind. */
  recorded(): readonly string[];
  /** Kills what an earlier agent started and of which not even a folder is left. */
  endUnrecorded(): Promise<void>;
  /** The container that an earlier agent started, running or ended; without a record, kills what bears the pod's mark. */
  recover(uid: string): Promise<Container | undefined>;
  /** Text that explains the end: the termination message, or the log's tail where the pod asked for that. */
  readTerminationMessage(uid: string, options: { readonly logOf: string | undefined }): string | undefined;
  /** Cuts the logs of a pod to their bounds. */
  rotateLogs(uid: string, container: string): void;
  /** Forgets a pod that has ended. */
  remove(uid: string): void;
}
