/** The supervising process of a pod as it stands on disk, so that an agent that comes back knows its children. */
import { readFileSync } from 'node:fs';
import { writeWhole } from './whole-file.ts';

export interface ProcessRecord {
  readonly pod: { readonly uid: string; readonly namespace: string; readonly name: string };
  readonly container: string;
  /** Of the supervising shell, which leads the session. */
  readonly pid: number;
  /** Clock ticks since boot: with the pid it names one process only. */
  readonly startTime: string;
  readonly bootID: string;
  readonly startedAtMs: number;
  /** The kernel's count of out-of-memory kills when the process was started. */
  readonly oomKills: number;
}

const isRecord = (value: unknown): value is ProcessRecord =>
  typeof value === 'object' &&
  value !== null &&
  'pod' in value &&
  'container' in value &&
  'pid' in value &&
  typeof value.pid === 'number' &&
  'startTime' in value &&
  typeof value.startTime === 'string' &&
  'bootID' in value &&
  'startedAtMs' in value &&
  'oomKills' in value;

export const writeProcessRecord = (path: string, record: ProcessRecord): void =>
  writeWhole(path, `${JSON.stringify(record)}\n`);

/** Undefined when there is none or when it can't be read as one. */
export const readProcessRecord = (path: string): ProcessRecord | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
