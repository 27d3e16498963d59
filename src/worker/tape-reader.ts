import { DriveError, type TapeDrive } from '../devices/drive/drive.ts';
import { openGroup, type GroupReader } from '../tape/group-reader.ts';
import { checkTapeLabel } from '../tape/read-label.ts';
import { WorkerFailure } from './failure.ts';
import { SharedProgress } from './progress.ts';
import { RingProducer } from './ring.ts';
import type { ToTapeReader, Verdict, WantedGroup } from './restore-protocol.ts';

type Open = Extract<ToTapeReader, { kind: 'open' }>;

/** The ring was stopped: the process is about to end. */
export class TapeReaderStopped extends Error {
  readonly code = 'TapeReaderStopped';
}

/**
 * Reads groups off a tape into the ring; hashes what it reads. All synchronous.
 *
 * `Reading` is told only while the drive is asked: a target that takes nothing shows as `Restoring` and fails no drive.
 */
export class TapeReader {
  readonly #drive: TapeDrive;
  readonly #ring: RingProducer;
  readonly #progress: SharedProgress;

  constructor(drive: TapeDrive, { ring, progress }: Open) {
    this.#drive = drive;
    this.#ring = new RingProducer(ring);
    this.#progress = new SharedProgress(progress);
  }

  /** @throws DriveError, WorkerFailure */
  checkLabel(meant: Open['meant']): void {
    this.#progress.setActivity('Locating');
    const status = this.#drive.status();
    if (!status.ready) {
      const reason = status.reason === 'Offline' ? 'DriveOffline' : 'DriveNotReady';
      const message = `${this.#drive.name} is not ready (${status.reason ?? 'no reason given'}).`;
      throw new WorkerFailure({ reason, fault: 'drive', message });
    }
    const label = checkTapeLabel(this.#drive, meant);
    if (label.kind === 'match') return this.#progress.setActivity('WaitingForWork');
    const reason = label.kind === 'foreign' ? 'TapeForeign' : 'TapeLabelMismatch';
    const detail = 'message' in label ? label.message : `its label is ${label.kind}`;
    throw new WorkerFailure({ reason, fault: 'tape', message: `${this.#drive.name}: ${detail}.` });
  }

  /** @throws DriveError where the drive itself fails; TapeReaderStopped */
  read(wanted: WantedGroup): Verdict {
    this.#progress.setActivity('Locating');
    const verdict = this.#readGroup(wanted);
    this.#progress.setActivity('Restoring');
    if (this.#ring.acquire() === undefined) throw new TapeReaderStopped();
    this.#ring.publish('end', 1);
    return verdict;
  }

  close(): void {
    this.#drive.close();
  }

  #readGroup(wanted: WantedGroup): Verdict {
    try {
      const opened = openGroup(this.#drive, wanted.group);
      if (opened.kind === 'noSuchGroup') return bad('NoSuchGroup', `the tape ends before group ${wanted.group}`);
      if (opened.kind === 'damaged') return bad('LabelsDamaged', opened.message);
      const { header, reader } = opened;
      if (header.job.uid !== wanted.uid || header.number !== wanted.segment || header.kind !== wanted.kind)
        return bad('WrongGroup', `group ${wanted.group} holds ${header.kind} ${header.number} of ${header.job.uid}`);
      return this.#copy(reader, wanted);
    } catch (error) {
      // A block that no payload has is damage of this copy, as one that can't be read.
      if (error instanceof DriveError && (error.code === 'ReadError' || error.code === 'BlockTooLarge'))
        return bad(error.code, error.message);
      throw error;
    }
  }

  #copy(reader: GroupReader, wanted: WantedGroup): Verdict {
    for (;;) {
      if (this.#ring.isCancelled) return bad('Refused', 'the payload is not what it should be');
      if (this.#ring.isFull) this.#progress.setActivity('Restoring');
      const block = this.#ring.acquire();
      if (block === undefined) throw new TapeReaderStopped();
      this.#progress.setActivity('Reading');
      const read = reader.nextInto(block);
      if (read === undefined) break;
      this.#ring.publish('block', read.length);
      this.#progress.addBytes(read.length);
    }
    const end = reader.end();
    switch (end.kind) {
      case 'whole':
        if (end.trailers.sha256 === wanted.sha256) return { kind: 'good' };
        return bad('DigestMismatch', `the trailers say SHA-256 ${end.trailers.sha256}, the record ${wanted.sha256}`);
      case 'mismatch':
        return bad('DigestMismatch', end.message);
      case 'abandoned':
        return bad('Abandoned', end.reason);
      case 'torn':
        return bad('Torn', 'the group is not closed');
    }
  }
}

const bad = (reason: string, message: string): Verdict => ({ kind: 'bad', reason, message });
