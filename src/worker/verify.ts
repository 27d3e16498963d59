import type { VerifyOrder } from '../api/worker-order.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { SharedProgress } from './progress.ts';
import { openReading, ReadingReport, runReading } from './reading-run.ts';
import { RestorePipeline, type SegmentOutcome } from './restore-pipeline.ts';
import { isDone } from './restore-progress.ts';
import type { RoleResult } from './termination.ts';
import type { WantedCopy } from './wanted-groups.ts';

/**
 * Reads the segments of an order back from one tape and checks them: digest, structure, index. A copy that is bad is
 * told, and the next one is read. It writes nothing but its report.
 */
export const runVerify = async (order: VerifyOrder, context: RoleContext): Promise<RoleResult> => {
  const library = needFolder(context.folders, 'library');
  return runReading(context, (inner, end) => new VerifyRun(order, inner, library, end));
};

class VerifyRun {
  readonly #order: VerifyOrder;
  readonly #context: RoleContext;
  readonly #library: string;
  readonly #end: (reason: Error) => void;
  readonly #progress = new SharedProgress();
  readonly #pipeline: RestorePipeline;
  readonly #report: ReadingReport;
  #bad = 0;

  constructor(order: VerifyOrder, context: RoleContext, library: string, end: (reason: Error) => void) {
    this.#order = order;
    this.#context = context;
    this.#library = library;
    this.#end = end;
    // The threads start while the API is asked.
    this.#pipeline = new RestorePipeline(this.#progress);
    this.#report = new ReadingReport(order, context, this.#progress);
  }

  async run(): Promise<RoleResult> {
    const { log } = this.#context;
    const order = this.#order;
    const { tape } = order;
    const { head, workFolder, groups } = await openReading(order, this.#context);
    this.#report.begin(head, this.#end);
    await this.#open(workFolder);
    const read = (head.status.restore?.readBack ?? []).filter(
      ({ barcode, labelId }) => barcode === tape.barcode && labelId === tape.labelId,
    );
    for (const copies of groups) {
      const segment = copies[0]?.segment ?? 0;
      if (isDone(read, segment)) continue;
      await this.#checkSegment(segment, copies);
      log.info({ segment }, 'segment read back');
    }
    await this.#report.tell(head, {});
    await this.#pipeline.close();
    const bad = this.#bad === 0 ? 'all are good' : `${this.#bad} copies are bad`;
    return { message: `${groups.length} segments were read back from ${tape.barcode}: ${bad}.` };
  }

  async stop(): Promise<void> {
    await this.#pipeline.stop();
  }

  async #open(workFolder: string): Promise<void> {
    const { library, drive, tape } = this.#order;
    const address = { driver: library.driver, folder: this.#library, elementAddress: drive.elementAddress };
    await Promise.all([
      this.#pipeline.openTape(address, { barcode: tape.barcode, labelId: tape.labelId }),
      this.#pipeline.openCheck(workFolder),
    ]);
  }

  /** Every copy of it on this tape: each is one that a restore may read. */
  async #checkSegment(segment: number, copies: readonly WantedCopy[]): Promise<void> {
    const { barcode, labelId } = this.#order.tape;
    let good = true;
    for (const copy of copies) {
      const outcome = await this.#check(copy);
      if (outcome.kind === 'restored') continue;
      const { reason, message } = outcome;
      good = false;
      this.#bad += 1;
      this.#context.log.warn({ segment, group: copy.group, reason, message }, 'a copy is bad');
      this.#report.add({ kind: 'bad', segment, barcode, group: copy.group, reason, message });
    }
    if (good) this.#report.add({ kind: 'read', segment, barcode, labelId });
  }

  async #check({ compression, encrypted, ...wanted }: WantedCopy): Promise<SegmentOutcome> {
    if (encrypted)
      return { kind: 'bad', reason: 'EncodingNotSupported', message: 'this version reads no encrypted segments' };
    return this.#pipeline.check(wanted, compression);
  }
}
