/** A drive that does not answer: that is its own fault, and says nothing about the tape that lies in it. Pure. */
import type { Fault } from '../step.ts';

type Why = Pick<Fault, 'reason'>;

const offline: readonly string[] = ['DriveOffline', 'Offline'];
const notReady: readonly string[] = ['DriveNotReady', 'NotReady'];

export const isDriveOffline = ({ reason }: Why): boolean => offline.includes(reason) || notReady.includes(reason);

/** It was gone; one that was not ready may be with the next tape. */
export const isOutUntilAsked = ({ reason }: Why): boolean => offline.includes(reason);
