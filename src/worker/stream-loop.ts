import { WorkerFailure } from './failure.ts';
import { exitCodes } from '../api/worker-order.ts';
import type { NextWork, SegmentCommit, SegmentWork, StreamLedger } from './ledger.ts';

/** What has become of a group that was begun. */
export type GroupEnd =
  | { readonly kind: 'whole'; readonly commit: SegmentCommit; readonly earlyWarning: boolean }
  /** No room for it: closed as ABANDONED as far as the tape let us, or left torn. */
  | { readonly kind: 'full' };

/** `full`: it no longer fitted. */
export type CatalogueEnd = { readonly kind: 'whole'; readonly earlyWarning: boolean } | { readonly kind: 'full' };

export type CatalogueKind = 'incremental' | 'whole';

/** The two threads of a stream, as the loop sees them. */
export interface StreamPipeline {
  /** Starts reading; resolves when the last block has been handed over to the drive's side. */
  readSegment(work: SegmentWork): Promise<void>;
  /** Writes what `readSegment` hands over as the next group; resolves after the flush. */
  writeSegment(work: SegmentWork): Promise<GroupEnd>;
  writeCatalogue(kind: CatalogueKind): Promise<CatalogueEnd>;
  /** Rejects when a thread has failed; never resolves. */
  readonly broken: Promise<never>;
}

export interface StreamOptions {
  /** Segments between two incremental catalogue groups. */
  readonly catalogueEvery: number;
}

/**
 * Segments one after the other until the ledger says close. While the drive still writes and flushes segment n, n + 1
 * is opened and read ahead into the ring; its first block goes to the tape only when n is recorded, so that never more
 * than one segment without a record has blocks on a tape.
 *
 * @throws WorkerFailure `TapeFull` when the medium ends, after the catalogue if there was room for it
 */
export const runStream = async (
  ledger: StreamLedger,
  pipeline: StreamPipeline,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<{ readonly segments: number; readonly catalogued: boolean }> => {
  const orBroken = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, pipeline.broken]);
  /** The segment before: written, flushed and recorded. Rejects as they do. */
  let previous: Promise<GroupEnd | undefined> = Promise.resolve(undefined);
  let segments = 0;
  for (;;) {
    // The ring keeps the order: a catalogue can't pass a segment that is being read ahead.
    if (segments > 0 && segments % options.catalogueEvery === 0) {
      await settle(pipeline, await orBroken(previous));
      const end = await orBroken(pipeline.writeCatalogue('incremental'));
      if (end.kind === 'full' || end.earlyWarning) throw tapeFull(end.kind === 'whole');
    }
    const next = await orBroken(openUnlessFull(ledger, previous, signal));
    if (next === undefined) {
      await settle(pipeline, await orBroken(previous));
      continue;
    }
    if (next.kind === 'close') break;
    const reading = pipeline.readSegment(next.work);
    reading.catch(ignore);
    await settle(pipeline, await orBroken(previous));
    previous = writeAndCommit(ledger, pipeline, next.work, signal);
    previous.catch(ignore);
    await orBroken(raceFailure(reading, previous));
    segments += 1;
  }
  await settle(pipeline, await orBroken(previous));
  // Nothing stands only in a catalogue, so one that no longer fits takes nothing away.
  const catalogue = await orBroken(pipeline.writeCatalogue('whole'));
  await ledger.finish(signal);
  return { segments, catalogued: catalogue.kind === 'whole' };
};

/**
 * The next work, or undefined where the segment before has met the end of the tape: then nobody may wait for work that
 * this tape can't take and that may never come. `settle` says what follows.
 */
const openUnlessFull = async (
  ledger: StreamLedger,
  previous: Promise<GroupEnd | undefined>,
  signal: AbortSignal,
): Promise<NextWork | undefined> => {
  const full = new AbortController();
  const opening = ledger.openNext(AbortSignal.any([signal, full.signal]));
  opening.catch(ignore);
  const ended = previous.then((end) => (isRoomLeft(end) ? opening : undefined));
  const next = await Promise.race([opening, ended]);
  if (next === undefined) full.abort(new Error('the tape is full'));
  return next;
};

const writeAndCommit = async (
  ledger: StreamLedger,
  pipeline: StreamPipeline,
  work: SegmentWork,
  signal: AbortSignal,
): Promise<GroupEnd> => {
  const end = await pipeline.writeSegment(work);
  if (end.kind === 'whole') await ledger.commit(end.commit, signal);
  return end;
};

const isRoomLeft = (end: GroupEnd | undefined): boolean =>
  end === undefined || (end.kind === 'whole' && !end.earlyWarning);

/** Goes on only where the tape has room for more. */
const settle = async (pipeline: StreamPipeline, end: GroupEnd | undefined): Promise<void> => {
  if (isRoomLeft(end)) return;
  const catalogue = await Promise.race([pipeline.writeCatalogue('incremental'), pipeline.broken]);
  throw tapeFull(catalogue.kind === 'whole');
};

const tapeFull = (catalogued: boolean): WorkerFailure =>
  new WorkerFailure({
    reason: 'TapeFull',
    fault: 'tape',
    exitCode: exitCodes.tapeFull,
    message: `The tape is full${catalogued ? '' : ' (no room for a last catalogue)'}; the stream goes on on another one.`,
  });

/** Resolves with the first; rejects when either does. */
const raceFailure = <T>(wanted: Promise<T>, other: Promise<unknown>): Promise<T> => {
  const failure = other.then(
    () => new Promise<never>(ignore),
    (error: unknown) => Promise.reject(asError(error)),
  );
  return Promise.race([wanted, failure]);
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const ignore = (): void => undefined;
