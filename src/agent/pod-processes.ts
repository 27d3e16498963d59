/** Finds and ends the processes of one pod: its session, and whatever left the session but bears the pod's mark. */
import { hasEnvironment, isAlive, listProcesses, type ProcessStat } from './proc.ts';

export interface PodMark {
  readonly uid: string;
  /** Two agents on one machine never touch each other's processes. */
  readonly stateFolder: string;
}

/** Names the state folder of the agent that a process was started by. */
export const stateMark = 'TWINREEL_POD_STATE';

/**
 * Environment variables by which every process of a pod is known, also without a record. The agent's own flags must not
 * be among the names: it would then take itself for a pod.
 */
export const markEnvironment = (mark: PodMark): Readonly<Record<string, string>> => ({
  TWINREEL_POD_UID: mark.uid,
  [stateMark]: mark.stateFolder,
});

const markEntries = (mark: PodMark): readonly string[] =>
  Object.entries(markEnvironment(mark)).map(([name, value]) => `${name}=${value}`);

/**
 * @param session the supervising shell's, where it is known to be this pod's
 */
export const findPodProcesses = (mark: PodMark, session: number | undefined): readonly ProcessStat[] => {
  const entries = markEntries(mark);
  return listProcesses().filter((seen) => seen.session === session || hasEnvironment(seen.pid, entries));
};

/** Everything that any agent on this state folder has started, but for these pods. */
export const findOtherProcesses = (stateFolder: string, uids: readonly string[]): readonly ProcessStat[] =>
  listProcesses().filter(
    ({ pid }) =>
      hasEnvironment(pid, [`${stateMark}=${stateFolder}`]) &&
      !uids.some((uid) => hasEnvironment(pid, markEntries({ uid, stateFolder }))),
  );

/** Looks again at the start time just before, since a pid may have been given to another process. */
export const signalProcess = (target: ProcessStat, signal: NodeJS.Signals): void => {
  if (!isAlive(target.pid, target.startTime)) return;
  try {
    process.kill(target.pid, signal);
  } catch {
    // It has just ended, which is what the signal was for.
  }
};
