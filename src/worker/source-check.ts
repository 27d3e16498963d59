/** Is the source that a stream opened the one that was planned? Pure. */
import type { PlanSummary } from '../api/generated/shared.ts';

export interface OpenedRoot {
  readonly server: string;
  readonly shared: boolean;
  readonly rootInode: string;
  readonly rootSize: number;
  /** Empty: not known. */
  readonly machineID: string;
}

/** @returns why it is another one, as a sentence */
export const sourceMismatch = (plan: PlanSummary, seen: OpenedRoot): string | undefined => {
  const { rootInode, rootSize, machineID = '' } = plan;
  const what = `The source on ${seen.server} is not the one that was planned: `;
  // Roots of file systems share their inode numbers, on whatever machine.
  const knowsMachines = machineID !== '' && seen.machineID !== '';
  if (!seen.shared && knowsMachines && machineID !== seen.machineID) {
    return `${what}it is on machine ${seen.machineID}, the plan is of machine ${machineID}.`;
  }
  const sameInode = rootInode === undefined || seen.rootInode === rootInode;
  // A promise of one shared file system is looked at twice.
  const sameSize = !seen.shared || rootSize === undefined || seen.rootSize === rootSize;
  if (sameInode && sameSize) return undefined;
  return (
    `${what}its root has inode ${seen.rootInode} and ${seen.rootSize} bytes, ` +
    `the plan's had ${rootInode ?? '?'} and ${rootSize ?? '?'}.`
  );
};
