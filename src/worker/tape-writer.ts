import { exitCodes } from '../api/worker-order.ts';
import type { TapeDrive } from '../devices/drive/drive.ts';
import { completeTornGroup, findEndOfData } from '../tape/end-of-data.ts';
import type { GroupHeader } from '../tape/group-labels.ts';
import { GroupWriter } from '../tape/group-writer.ts';
import { laterOf, type RetainUntil } from '../tape/label-time.ts';
import { checkTapeLabel } from '../tape/read-label.ts';
import { readGroupEnds, type SurveyedGroup } from '../tape/survey.ts';
import { WorkerFailure } from './failure.ts';
import { decodePayloadEnd, type PayloadEnd } from './payload-end.ts';
import { SharedProgress } from './progress.ts';
import { checkRecordedGroups } from './recorded-groups.ts';
import { ringBlockBytes, RingConsumer } from './ring.ts';
import type { FromTapeWriter, ToTapeWriter } from './tape-writer-protocol.ts';

type Open = Extract<ToTapeWriter, { kind: 'open' }>;
type Group = Extract<ToTapeWriter, { kind: 'group' }>;
/** Trailers, filemarks and what a drive rounds up. */
const closingBytes = 2 ** 20;

/** The ring was stopped: the process is about to end, and nothing more is written. */
export class TapeWriterStopped extends Error {
  readonly code = 'TapeWriterStopped';
}

/**
 * Everything that is done at the drive; all synchronous. Not bound to a thread, so that tests need none.
 *
 * The activity is told before the drive is touched and is `WaitingForWork` only while it is not: whatever hangs in the
 * drive, the first label of a group too, shows as something that a drive is blamed for.
 */
export class TapeWriter {
  readonly #drive: TapeDrive;
  readonly #ring: RingConsumer;
  readonly #progress: SharedProgress;
  readonly #meant: Open['meant'];
  #nextGroup = 0;
  #latestRetainUntil: RetainUntil = 'none';
  #atEnd = false;
  /** A group was torn by the end of the medium: nothing can be written behind it. */
  #mediumEnded = false;

  constructor(drive: TapeDrive, { ring, progress, meant }: Open) {
    this.#drive = drive;
    this.#ring = new RingConsumer(ring);
    this.#progress = new SharedProgress(progress);
    this.#meant = meant;
  }

  /** Label, end of data, torn group. @throws DriveError, WorkerFailure */
  prepare(now: Date): Extract<FromTapeWriter, { kind: 'opened' }> {
    this.#progress.setActivity('Locating');
    this.#checkLabel();
    let end = findEndOfData(this.#drive);
    checkRecordedGroups(this.#meant, end);
    let completed: number | undefined;
    if (end.kind === 'torn') {
      completed = end.group;
      const { barcode } = this.#meant;
      const done = completeTornGroup(this.#drive, end, { barcode, now, reason: 'torn by a crash' });
      if (done.kind === 'endOfMedium') throw fullFailure('The tape ended while a torn group was completed.');
      end = findEndOfData(this.#drive);
    }
    if (end.kind !== 'clean') {
      const detail = end.kind === 'inconsistent' ? end.message : `its end is ${end.kind}`;
      const message = `Tape ${this.#meant.barcode} can't be written on: ${detail}.`;
      throw new WorkerFailure({ reason: 'TapeInconsistent', fault: 'tape', message });
    }
    this.#nextGroup = end.groups;
    this.#latestRetainUntil = end.latestRetainUntil;
    this.#atEnd = true;
    const { groups, latestRetainUntil } = end;
    const status = this.#drive.status();
    this.#progress.setActivity('WaitingForWork');
    return { kind: 'opened', status, groups, latestRetainUntil, ...(completed !== undefined && { completed }) };
  }

  survey(group: number): SurveyedGroup | undefined {
    this.#atEnd = false;
    this.#progress.setActivity('Locating');
    const found = readGroupEnds(this.#drive, group);
    this.#progress.setActivity('WaitingForWork');
    return found;
  }

  /** @throws DriveError, TapeWriterStopped; after either nothing more may be written */
  writeGroup(order: Group): FromTapeWriter {
    const end = this.#writeGroup(order);
    this.#progress.setActivity('WaitingForWork');
    return end;
  }

  #writeGroup(order: Group): FromTapeWriter {
    if (this.#mediumEnded) return this.#full(this.#nextGroup);
    if (!this.#atEnd) {
      this.#progress.setActivity('Locating');
      this.#drive.spaceToEndOfData();
    }
    this.#atEnd = true;
    this.#progress.setActivity('Writing');
    const header = this.#headerOf(order);
    const begun = GroupWriter.begin(this.#drive, header, { hash: order.hashed === 'reader' ? 'callers' : 'own' });
    if (begun.kind === 'endOfMedium') return this.#torn(header.group);
    this.#latestRetainUntil = header.latestRetainUntil;
    const { writer } = begun;
    let { earlyWarning } = begun;
    // Judged at a block, whether that or the labels met the warning: an empty payload always has room.
    // What has the tape for itself is written on to the very end: an estimate must not say that it fits on none.
    let judged = header.group === 0;
    for (;;) {
      const slot = this.#take();
      if (slot.kind === 'end') {
        const end = decodePayloadEnd(slot.bytes);
        this.#ring.release();
        return this.#finish(writer, header, end, earlyWarning);
      }
      const written = writer.writeBlock(slot.bytes);
      this.#ring.release();
      if (written.kind === 'endOfMedium') return this.#torn(header.group);
      this.#progress.addBytes(ringBlockBytes);
      earlyWarning ||= written.earlyWarning;
      if (!earlyWarning || judged) continue;
      judged = true;
      if (this.#fits(order.weightBytes - writer.blocks * ringBlockBytes)) continue;
      if (writer.abandon('the tape is full', new Date()).kind === 'endOfMedium') return this.#torn(header.group);
      this.#nextGroup += 1;
      return this.#full(header.group);
    }
  }

  discard(): void {
    this.#discard();
    this.#progress.setActivity('WaitingForWork');
  }

  close(): void {
    this.#drive.close();
  }

  #checkLabel(): void {
    const status = this.#drive.status();
    if (!status.ready) {
      const reason = status.reason === 'Offline' ? 'DriveOffline' : 'DriveNotReady';
      const message = `${this.#drive.name} is not ready (${status.reason ?? 'no reason given'}).`;
      throw new WorkerFailure({ reason, fault: 'drive', message });
    }
    if (status.writeProtected)
      throw tapeFailure('TapeWriteProtected', `Tape ${this.#meant.barcode} is write protected.`);
    const label = checkTapeLabel(this.#drive, this.#meant);
    if (label.kind === 'match') return;
    const detail = 'message' in label ? label.message : `its label is ${label.kind}`;
    throw tapeFailure(
      label.kind === 'foreign' ? 'TapeForeign' : 'TapeLabelMismatch',
      `${this.#drive.name}: ${detail}.`,
    );
  }

  #headerOf({ header }: Group): GroupHeader {
    const latestRetainUntil = laterOf(this.#latestRetainUntil, header.retainUntil);
    return { ...header, group: this.#nextGroup, latestRetainUntil };
  }

  #take() {
    if (this.#ring.isEmpty) this.#progress.setActivity('WaitingForSource');
    const slot = this.#ring.take();
    if (slot === undefined) throw new TapeWriterStopped();
    this.#progress.setActivity('Writing');
    return slot;
  }

  #finish(writer: GroupWriter, header: GroupHeader, end: PayloadEnd, earlyWarning: boolean): FromTapeWriter {
    this.#progress.setActivity('Flushing');
    const endedAt = new Date();
    if (end.kind === 'incomplete') {
      const closed = writer.abandon(end.reason, endedAt);
      if (closed.kind === 'endOfMedium') return this.#tornAtTheEnd(header.group);
      this.#nextGroup += 1;
      return { kind: 'discarded' };
    }
    const { kind: _kind, ...order } = end;
    const done = writer.finish({ ...order, endedAt });
    if (done.kind === 'endOfMedium') return this.#tornAtTheEnd(header.group);
    this.#nextGroup += 1;
    const warned = earlyWarning || done.earlyWarning;
    const groups = this.#nextGroup;
    return { kind: 'whole', group: header.group, groups, totals: done.totals, endedAt, earlyWarning: warned };
  }

  /** Its end comes when the source has answered: a source that hangs then is no drive that does. */
  #discard(): void {
    this.#progress.setActivity('WaitingForSource');
    if (!this.#ring.discardSegment()) throw new TapeWriterStopped();
  }

  /** The rest of the payload is not wanted any more. */
  #full(group: number): FromTapeWriter {
    this.#discard();
    return { kind: 'full', group, groups: this.#nextGroup };
  }

  #torn(group: number): FromTapeWriter {
    this.#mediumEnded = true;
    return this.#full(group);
  }

  #tornAtTheEnd(group: number): FromTapeWriter {
    this.#mediumEnded = true;
    return { kind: 'full', group, groups: this.#nextGroup };
  }

  /** Whether what is left of the segment has room behind the early warning; where the drive can't tell: if little. */
  #fits(leftBytes: number): boolean {
    const { capacityBytes, usedBytes } = this.#drive.status();
    if (capacityBytes === undefined || usedBytes === undefined) return leftBytes <= 2 ** 26;
    // The weight is an estimate: a payload that has more than that needs room all the same.
    const left = Math.max(0, leftBytes);
    return left + left / 64 + closingBytes <= capacityBytes - usedBytes;
  }
}

const tapeFailure = (reason: string, message: string): WorkerFailure =>
  new WorkerFailure({ reason, fault: 'tape', message });

const fullFailure = (message: string): WorkerFailure =>
  new WorkerFailure({ reason: 'TapeFull', fault: 'tape', exitCode: exitCodes.tapeFull, message });
