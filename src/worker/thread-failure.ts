import { ArchiveError } from '../archive/archive-error.ts';
import { ChangerError } from '../devices/changer/changer.ts';
import { DriveError, type DriveErrorCode } from '../devices/drive/drive.ts';
import type { FaultDomain } from '../api/worker-order.ts';
import { WorkerFailure } from './failure.ts';

/** A failure as it passes between threads: errors lose their class on the way. */
export interface ThreadFailure {
  readonly reason: string;
  readonly fault: FaultDomain;
  readonly message: string;
  /** Where it is not that of the fault. */
  readonly exitCode?: number;
}

const driveReasons: Readonly<Record<DriveErrorCode, string>> = {
  WriteError: 'TapeWriteError',
  ReadError: 'TapeReadError',
  NotReady: 'DriveNotReady',
  Offline: 'DriveOffline',
  Busy: 'DriveBusy',
  WriteProtected: 'TapeWriteProtected',
  Overwrite: 'TapeOverwriteRefused',
  BlockTooLarge: 'TapeBlockTooLarge',
  PositionLost: 'TapePositionLost',
  Closed: 'DriveClosed',
  NoSuchDrive: 'NoSuchDrive',
};

/** Whose fault an error of any room is. */
export const describeFailure = (error: unknown): ThreadFailure => {
  if (error instanceof WorkerFailure) {
    const { reason, fault, message, exitCode } = error;
    return { reason, fault, message, exitCode };
  }
  if (error instanceof DriveError) {
    const fault = error.code === 'NoSuchDrive' ? 'order' : error.fault === 'caller' ? 'worker' : error.fault;
    return { reason: driveReasons[error.code], fault, message: error.message };
  }
  if (error instanceof ChangerError) return { reason: error.code, fault: 'changer', message: error.message };
  if (error instanceof ArchiveError) {
    const fault = faultOfArchive(error);
    return { reason: error.code, fault, message: error.message };
  }
  return { reason: 'InternalError', fault: 'worker', message: unexpected(error) };
};

/** The place helps whoever reads it; a whole stack leaves no room for anything else. */
const unexpected = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split('\n').find((line) => /^\s+at /.test(line));
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (${place.trim()})`}`;
};

const faultOfArchive = ({ code }: ArchiveError): FaultDomain => {
  switch (code) {
    case 'SourceRoot':
    case 'SourceRead':
      return 'source';
    case 'TargetRoot':
    case 'TargetWrite':
    case 'WorkFolder':
      return 'target';
    case 'PathEscape':
    case 'Pattern':
      return 'order';
    case 'Truncated':
    case 'HeaderInvalid':
    case 'RecordInvalid':
    case 'NameRefused':
    case 'SizeRefused':
    case 'EncodingInvalid':
    case 'EncodingNotSupported':
    case 'InfoInvalid':
    case 'IndexInvalid':
      return 'tape';
  }
};

export const failureOf = (failure: ThreadFailure): WorkerFailure => new WorkerFailure(failure);

/** Any error as one that a termination message can be made of. */
export const asWorkerFailure = (error: unknown): WorkerFailure =>
  error instanceof WorkerFailure ? error : new WorkerFailure({ ...describeFailure(error), cause: error });
