import type { NextWork, SegmentCommit, SegmentWork, StreamLedger } from './ledger.ts';

/** Work that is handed out in order as it becomes known, and commits that are kept in memory. */
export class MemoryLedger implements StreamLedger {
  readonly work: SegmentWork[] = [];
  readonly commits: SegmentCommit[] = [];
  #end: { readonly kind: 'complete' } | { readonly kind: 'failed'; readonly cause: unknown } | undefined;
  #next = 0;
  #wake: () => void = ignore;

  /** @param source  of the work; it fails whoever waits when it fails */
  constructor(source: AsyncIterable<SegmentWork>) {
    void this.#gather(source);
  }

  async openNext(): Promise<NextWork> {
    for (;;) {
      const work = this.work[this.#next];
      if (work !== undefined) {
        this.#next += 1;
        return { kind: 'segment', work };
      }
      if (this.#end?.kind === 'failed') throw this.#end.cause;
      if (this.#end !== undefined) return { kind: 'close' };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async commit(commit: SegmentCommit): Promise<void> {
    this.commits.push(commit);
  }

  async finish(): Promise<void> {
    return undefined;
  }

  async #gather(source: AsyncIterable<SegmentWork>): Promise<void> {
    try {
      for await (const work of source) {
        this.work.push(work);
        this.#wake();
      }
      this.#end = { kind: 'complete' };
    } catch (cause) {
      this.#end = { kind: 'failed', cause };
    }
    this.#wake();
  }
}

const ignore = (): void => undefined;
