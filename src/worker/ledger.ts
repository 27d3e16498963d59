/**
 * What a stream worker asks of whoever keeps the records: which segment next, and what has become of it. With
 * Kubernetes it is heads and pages (`kube-ledger.ts`); in memory it serves benchmarks and tests (`memory-ledger.ts`).
 *
 * Every call may reject with `WorkerStopped` (sealed, foreign epoch, told to end) or `WorkerFailure`.
 */

/** A place in the source's order: path as in JSON (escaped), byte offset within that path. */
export interface PlanCursor {
  readonly path: string;
  readonly offset: number;
}

/** One segment with everything that its writer has to know of the plan. */
export interface SegmentWork {
  readonly kind: 'data' | 'links';
  readonly segment: number;
  readonly from: PlanCursor;
  /** Absent: the open end. */
  readonly to?: PlanCursor;
  readonly weightBytes: number;
  readonly entries: number;
  /** Where `from` lies inside a file: the segment in which that file begins; else the segment itself. */
  readonly firstSegmentOfFile: number;
  /** Segments of the whole plan, `links` not counted; absent while the plan still grows. */
  readonly count?: number;
}

export type NextWork = { readonly kind: 'segment'; readonly work: SegmentWork } | { readonly kind: 'close' };

/** A segment that stands on this stream's tape, flushed. */
export interface SegmentCommit {
  readonly kind: 'data' | 'links';
  readonly segment: number;
  readonly group: number;
  /** Of the pax archive, before compression. */
  readonly bytes: number;
  /** Payload blocks on tape. */
  readonly blocks: number;
  readonly entries: number;
  readonly files: number;
  readonly indexOffset: number;
  readonly sha256: string;
  readonly encoding: 'NN' | 'ZN' | 'NA' | 'ZA';
  /** RFC 3339. */
  readonly writtenAt: string;
  /** Of an earlier grant, where its group is adopted; absent: this worker's. */
  readonly epoch?: number;
}

export interface StreamLedger {
  /**
   * Waits until there is a segment for this stream (or nothing more to come) and marks it open, before anybody reads
   * the source for it. A segment is given once; at most one is open beside the one whose commit is under way.
   */
  openNext(signal: AbortSignal): Promise<NextWork>;
  /** Resolves when the commit is recorded, or safely queued while the API is away. */
  commit(commit: SegmentCommit, signal: AbortSignal): Promise<void>;
  /** Waits for what is queued and writes the last totals. */
  finish(signal: AbortSignal): Promise<void>;
}
