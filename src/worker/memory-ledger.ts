import type { NextWork, SegmentCommit, SegmentWork, StreamLedger } from './ledger.ts';

/** A plan that is known from the start and commits that are kept in memory. */
export class MemoryLedger implements StreamLedger {
  readonly commits: SegmentCommit[] = [];
  readonly #work: readonly SegmentWork[];
  #next = 0;

  constructor(work: readonly SegmentWork[]) {
    this.#work = work;
  }

  async openNext(): Promise<NextWork> {
    const work = this.#work[this.#next];
    if (work === undefined) return { kind: 'close' };
    this.#next += 1;
    return { kind: 'segment', work };
  }

  async commit(commit: SegmentCommit): Promise<void> {
    this.commits.push(commit);
  }

  async finish(): Promise<void> {
    return undefined;
  }
}
