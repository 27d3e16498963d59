import type { Encoding } from '../archive/blocks.ts';
import type { ConflictPolicy } from '../archive/place.ts';
import type { RestoreTotals } from '../archive/restore-report.ts';
import type { Selection } from '../archive/selection.ts';
import type { GroupKind } from '../tape/labels.ts';
import type { DriveAddress } from './open-drive.ts';
import type { RingMemory } from './ring.ts';
import type { ThreadFailure } from './thread-failure.ts';

/** One copy of one segment, as its commit tells it. */
export interface WantedGroup {
  readonly segment: number;
  readonly group: number;
  readonly kind: Exclude<GroupKind, 'catalogue'>;
  /** Of the backup. */
  readonly uid: string;
  readonly sha256: string;
}

export type ToTapeReader =
  | {
      readonly kind: 'open';
      readonly address: DriveAddress;
      readonly meant: { readonly barcode: string; readonly labelId: string };
      readonly ring: RingMemory;
      readonly progress: SharedArrayBuffer;
    }
  /** Payload blocks of one group into the ring, then `end`. */
  | { readonly kind: 'read'; readonly wanted: WantedGroup }
  | { readonly kind: 'close' };

export type FromTapeReader =
  | { readonly kind: 'opened' }
  | { readonly kind: 'read'; readonly verdict: Verdict }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };

/** What the tape says of one copy. */
export type Verdict =
  | { readonly kind: 'good' }
  /** This copy can't be used; the next segment may be. */
  | { readonly kind: 'bad'; readonly reason: string; readonly message: string };

export type ToRestorer =
  | {
      readonly kind: 'open';
      readonly target: string;
      /** `.twinreel-<uid8>`, as the payloads have it. */
      readonly workFolder: string;
      readonly restoreUid: string;
      readonly conflict: ConflictPolicy;
      readonly ring: RingMemory;
      readonly progress: SharedArrayBuffer;
    }
  /** Nothing is made: payloads are only looked through. */
  | {
      readonly kind: 'openCheck';
      readonly workFolder: string;
      readonly ring: RingMemory;
      readonly progress: SharedArrayBuffer;
    }
  | { readonly kind: 'check'; readonly compression: Encoding['compression']; readonly segment: number }
  | { readonly kind: 'segment'; readonly compression: Encoding['compression']; readonly selection: Selection }
  /** The verdict on all passes of one copy: what was made of it stays, or goes. */
  | { readonly kind: 'accept' | 'takeBack' }
  | { readonly kind: 'finish' };

export type FromRestorer =
  | { readonly kind: 'opened' }
  | { readonly kind: 'restored'; readonly totals: RestoreTotals }
  /** The payload is not what it should be. */
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }
  | { readonly kind: 'judged' }
  | { readonly kind: 'finished'; readonly totals: RestoreTotals }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };
