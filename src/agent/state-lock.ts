/** Two agents on one state folder would run every pod twice. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryFlock } from '../posix/flock.ts';

export class StateInUseError extends Error {
  readonly code = 'StateInUse';
}

/**
 * Takes the folder for this process. The kernel holds the lock and drops it with the process, however that ends: of two
 * agents that come at once one gets it, and a dead one leaves nothing to clean up. What stands in the file is for people.
 *
 * @returns gives the folder free again
 * @throws StateInUseError while another agent has it
 */
export const lockState = (stateFolder: string): (() => void) => {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const path = join(stateFolder, 'agent.lock');
  // The file stays when it is unlocked: a second one of that name would be a second lock.
  const file = openSync(path, 'a', 0o600);
  try {
    if (!tryFlock(file)) throw new StateInUseError(`${stateFolder} is in use by the agent with pid ${ownerIn(path)}`);
    ftruncateSync(file);
    writeSync(file, `${process.pid}\n`);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  let isHeld = true;
  return () => {
    if (isHeld) closeSync(file);
    isHeld = false;
  };
};

const ownerIn = (path: string): string => {
  const pid = readFileSync(path, 'latin1').trim();
  return pid === '' ? 'not known yet' : pid;
};
