import type { DriveStatus } from '../devices/drive/drive.ts';
import type { GroupHeader, GroupTotals } from '../tape/group-labels.ts';
import type { RetainUntil } from '../tape/label-time.ts';
import type { SurveyedGroup } from '../tape/survey.ts';
import type { DriveAddress } from './open-drive.ts';
import type { RingMemory } from './ring.ts';
import type { ThreadFailure } from './thread-failure.ts';

/** What the thread at the drive is asked; it answers each in order. */
export type ToTapeWriter =
  /** Open and lock the drive, check the label, find the end of data, complete a torn group. */
  | {
      readonly kind: 'open';
      readonly address: DriveAddress;
      readonly meant: { readonly barcode: string; readonly labelId: string; readonly groups?: number };
      readonly ring: RingMemory;
      readonly progress: SharedArrayBuffer;
    }
  | { readonly kind: 'survey'; readonly group: number }
  /** Write what comes through the ring, up to the next `end`, as one group. */
  | {
      readonly kind: 'group';
      readonly header: Omit<GroupHeader, 'group' | 'latestRetainUntil'>;
      readonly weightBytes: number;
      readonly hashed: HashedBy;
    }
  /** Throw away what comes through the ring, up to the next `end`. */
  | { readonly kind: 'discard' }
  | { readonly kind: 'close' };

/** Which thread computes the digest: the one that has less to do. */
export type HashedBy = 'reader' | 'writer';

export type FromTapeWriter =
  | {
      readonly kind: 'opened';
      readonly status: DriveStatus;
      readonly groups: number;
      readonly latestRetainUntil: RetainUntil;
      /** Number of the torn group that was completed. */
      readonly completed?: number;
    }
  | { readonly kind: 'surveyed'; readonly found: SurveyedGroup | undefined }
  | {
      readonly kind: 'whole';
      readonly group: number;
      /** Closed groups on the tape, this one among them. */
      readonly groups: number;
      readonly totals: GroupTotals;
      readonly endedAt: Date;
      readonly earlyWarning: boolean;
    }
  /** The medium ended, or was about to: the group is abandoned or torn. */
  | { readonly kind: 'full'; readonly group: number; readonly groups: number }
  /** The reader gave up on its side; the group is closed as abandoned. */
  | { readonly kind: 'discarded' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };
