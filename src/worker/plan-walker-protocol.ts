import type { HostFolder } from '../api/worker-order.ts';
import type { CursorJson } from '../archive/escape.ts';
import type { ThreadFailure } from './thread-failure.ts';

export interface ToPlanWalker {
  readonly kind: 'walk';
  /** The mount, and where in it the source lies. */
  readonly source: string;
  readonly sourceFolder: HostFolder;
  readonly jobUid: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
  /** Absent: 256 MiB, or what the file system needs so that segments stay few. */
  readonly segmentBytes?: number;
  /** Where a planner before this one got to: its folder and its last boundary. */
  readonly resume?: {
    readonly workFolder: string;
    readonly segmentBytes: number;
    readonly n: number;
    readonly from: CursorJson;
  };
}

/** One segment whose end is known. */
export interface CutSegment {
  readonly number: number;
  readonly from: CursorJson;
  readonly weight: number;
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  readonly segmentBytes: number;
}

export type FromPlanWalker =
  | {
      readonly kind: 'begun';
      readonly workFolder: string;
      readonly segmentBytes: number;
      readonly rootInode: string;
      readonly rootSize: number;
    }
  /** So many names were met so far, in segments whose end is not known as well. */
  | { readonly kind: 'met'; readonly entries: number }
  | { readonly kind: 'cut'; readonly segments: readonly CutSegment[] }
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };
