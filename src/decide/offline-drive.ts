/** A drive that does not answer: that is its own fault, and says nothing about the tape that lies in it. Pure. */
import type { Fault } from './step.ts';

const offline: readonly string[] = ['DriveOffline', 'DriveNotReady', 'Offline', 'NotReady'];

export const isDriveOffline = ({ reason }: Pick<Fault, 'reason'>): boolean => offline.includes(reason);
