/** Where the agent keeps what belongs to one pod; everything lies beneath `DIR/pods/<uid>`. */
import { join } from 'node:path';

export interface PodFolder {
  readonly root: string;
  /** Working directory of the process. */
  readonly work: string;
  readonly volumes: string;
  readonly serviceAccount: string;
  readonly logs: string;
  readonly terminationLog: string;
  /** Pid, start time and boot of the supervising shell; written before the container may run. */
  readonly record: string;
  /** The shell script that supervises the process. */
  readonly script: string;
  /** Exists as soon as the container may have run. */
  readonly started: string;
  /** Exit code in decimal and a newline; its mtime is the end of the process. */
  readonly exit: string;
}

export const podsFolder = (stateFolder: string): string => join(stateFolder, 'pods');

export const podFolder = (stateFolder: string, uid: string): PodFolder => {
  const root = join(podsFolder(stateFolder), uid);
  return {
    root,
    work: join(root, 'work'),
    volumes: join(root, 'volumes'),
    serviceAccount: join(root, 'serviceaccount'),
    logs: join(root, 'logs'),
    terminationLog: join(root, 'termination-log'),
    record: join(root, 'process.json'),
    script: join(root, 'run'),
    started: join(root, 'started'),
    exit: join(root, 'exit'),
  };
};

export const logFile = (folder: PodFolder, container: string): string => join(folder.logs, `${container}.log`);
