import type { TapeFacts } from '../api/worker-order.ts';
import type { Api } from '../kube/api.ts';
import type { Log } from '../kube/log.ts';
import { WorkerFailure } from './failure.ts';

/** The folders that are mounted into a worker; which of them a role needs is its own affair. */
export interface WorkerFolders {
  readonly source?: string;
  readonly target?: string;
  /** Folder of a virtual library. */
  readonly library?: string;
  readonly catalogue?: string;
}

/** What a role works with; everything that waits or talks is passed in. */
export interface RoleContext {
  readonly folders: WorkerFolders;
  readonly api: Api;
  readonly log: Log;
  /** Aborted by SIGTERM; its reason is a `WorkerStopped`. */
  readonly stop: AbortSignal;
  /** What the termination message says of the tape and of unfinished work, should the role end abnormally. */
  readonly note: (facts: NotedFacts) => void;
}

export interface NotedFacts {
  readonly tape?: TapeFacts;
  readonly lostBytes?: number;
  readonly tidied?: boolean;
}

export const folderVariables = {
  source: 'TWINREEL_SOURCE',
  target: 'TWINREEL_TARGET',
  library: 'TWINREEL_LIBRARY',
  catalogue: 'TWINREEL_CATALOGUE',
} as const satisfies Record<keyof WorkerFolders, string>;

export const readFolders = (env: NodeJS.ProcessEnv): WorkerFolders => {
  const pick = (key: keyof WorkerFolders): WorkerFolders => {
    const value = env[folderVariables[key]];
    return value === undefined || value === '' ? {} : { [key]: value };
  };
  return { ...pick('source'), ...pick('target'), ...pick('library'), ...pick('catalogue') };
};

/** @throws WorkerFailure when the mount that the role needs is not named */
export const needFolder = (folders: WorkerFolders, which: keyof WorkerFolders): string => {
  const folder = folders[which];
  if (folder !== undefined) return folder;
  const message = `${folderVariables[which]} is not set: the ${which} folder is not mounted`;
  throw new WorkerFailure({ reason: 'FolderNotMounted', fault: 'order', message });
};
