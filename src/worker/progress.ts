import type { BackupSaveRecordStatus } from '../api/generated/index.ts';

/**
 * What the threads tell of themselves while they are blocked: a few numbers in shared memory that the main thread reads
 * for its heartbeat. A writer that hangs in the drive stays `Writing` with bytes that stand still, which is what the
 * operator looks for; a source that hangs shows as `WaitingForSource` and fails no drive.
 */

/** Order matters: the position in this list is what stands in shared memory. */
export const activities = [
  'Starting',
  'Loading',
  'Locating',
  'Planning',
  'WaitingForWork',
  'WaitingForSource',
  'Reading',
  'Writing',
  'Flushing',
  'Closing',
  'Restoring',
  'Ending',
] as const satisfies readonly NonNullable<BackupSaveRecordStatus['activity']>[];

export type Activity = (typeof activities)[number];

export interface Progress {
  readonly activity: Activity;
  /** Payload bytes that have passed the drive since the worker began. */
  readonly bytes: number;
  readonly files: number;
}

const bytesWord = 0;
const filesWord = 1;
const activityWord = 2;
const words = 3;

/** Any thread may read; bytes and activity are set by the thread at the drive, files by the one at the files. */
export class SharedProgress {
  readonly memory: SharedArrayBuffer;
  readonly #words: BigInt64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(words * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new BigInt64Array(memory);
  }

  read(): Progress {
    const activity = activities[Number(Atomics.load(this.#words, activityWord))] ?? 'Starting';
    return {
      activity,
      bytes: Number(Atomics.load(this.#words, bytesWord)),
      files: Number(Atomics.load(this.#words, filesWord)),
    };
  }

  setActivity(activity: Activity): void {
    Atomics.store(this.#words, activityWord, BigInt(activities.indexOf(activity)));
  }

  addBytes(bytes: number): void {
    Atomics.add(this.#words, bytesWord, BigInt(bytes));
  }

  addFiles(files: number): void {
    Atomics.add(this.#words, filesWord, BigInt(files));
  }
}
