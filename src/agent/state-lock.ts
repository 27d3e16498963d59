/** Two agents on one state folder would run every pod twice. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, readProcess } from './proc.ts';
import { writeWhole } from './whole-file.ts';

export class StateInUseError extends Error {
  readonly code = 'StateInUse';
}

interface Owner {
  readonly pid: number;
  readonly startTime: string;
  readonly bootID: string;
}

const isOwner = (value: unknown): value is Owner =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  typeof value.pid === 'number' &&
  'startTime' in value &&
  typeof value.startTime === 'string' &&
  'bootID' in value &&
  typeof value.bootID === 'string';

const readOwner = (path: string): Owner | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isOwner(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Takes the folder for this process; an owner that is dead is replaced.
 *
 * @returns gives the folder free again
 * @throws StateInUseError while another agent that lives has it
 */
export const lockState = (stateFolder: string, bootID: string): (() => void) => {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const path = join(stateFolder, 'agent.json');
  const owner = readOwner(path);
  const isOther = owner !== undefined && owner.pid !== process.pid && owner.bootID === bootID;
  if (isOther && isAlive(owner.pid, owner.startTime)) {
    throw new StateInUseError(`${stateFolder} is in use by the agent with pid ${owner.pid}`);
  }
  const own: Owner = { pid: process.pid, startTime: readProcess(process.pid)?.startTime ?? '', bootID };
  writeWhole(path, `${JSON.stringify(own)}\n`);
  return () => rmSync(path, { force: true });
};
