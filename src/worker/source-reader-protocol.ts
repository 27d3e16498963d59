import type { HostFolder } from '../api/worker-order.ts';
import type { InfoGiven } from '../archive/info.ts';
import type { SegmentTotals } from '../archive/segment-totals.ts';
import type { PlanCursor } from './ledger.ts';
import type { NumberedCursor } from './plan-reader.ts';
import type { RingMemory } from './ring.ts';
import type { HashedBy } from './tape-writer-protocol.ts';
import type { ThreadFailure } from './thread-failure.ts';

/** A file of a catalogue: small ones come along, large ones lie in a file. */
export interface CatalogueMember {
  readonly name: string;
  readonly content: Uint8Array | { readonly path: string };
}

/** What the thread at the source is asked; it answers each in order. */
export type ToSourceReader =
  | {
      readonly kind: 'open';
      /** The mount, and where in it the source lies. */
      readonly folder: string;
      readonly sourceFolder: HostFolder;
      readonly include: readonly string[];
      readonly exclude: readonly string[];
      readonly oneFileSystem: boolean;
      /** The folder is a clone of a snapshot, of which others are read elsewhere. */
      readonly isClone?: boolean;
      /** `.twinreel-<uid8>` from the plan. */
      readonly workFolder: string;
      readonly compression: 'None' | 'Zstd';
      readonly ring: RingMemory;
      readonly progress: SharedArrayBuffer;
      readonly openAhead: SharedArrayBuffer;
      /** Where each segment's index is kept; absent: nowhere. */
      readonly indexFolder?: string;
    }
  | {
      readonly kind: 'segment';
      readonly n: number;
      readonly from: PlanCursor;
      readonly to: PlanCursor | null;
      readonly firstSegmentOfFile: number;
      /** As the plan counted them. */
      readonly plannedEntries: number;
      readonly info: InfoGiven;
      readonly hashed: HashedBy;
    }
  | {
      readonly kind: 'links';
      readonly boundaries: readonly NumberedCursor[];
      readonly planStarted: string;
      readonly info: InfoGiven;
      readonly hashed: HashedBy;
    }
  | { readonly kind: 'catalogue'; readonly members: readonly CatalogueMember[]; readonly hashed: HashedBy };

export type FromSourceReader =
  | { readonly kind: 'opened'; readonly rootInode: string; readonly rootSize: number }
  /** Everything has been handed over to the ring, its `end` included. */
  | {
      readonly kind: 'read';
      readonly totals: SegmentTotals;
      /** Why the segment's index could not be kept on the server. */
      readonly indexLost?: string;
    }
  /** The other side wanted no more of it. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };
