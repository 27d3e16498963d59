import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfThere, replaceFile } from '../atomic-file.ts';
import { tryLockFile } from '../file-lock.ts';
import { armFaults, strikingFault, type ArmedFault, type DriveOperation } from './armed-faults.ts';
import { driveFolder } from './drive-lock.ts';
import { parseFaults, type Fault } from './faults-file.ts';

/** Blocks the thread; injected so that tests need not wait. */
export interface BlockingClock {
  now(): number;
  sleep(ms: number): void;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export const systemClock: BlockingClock = {
  now: () => Date.now(),
  sleep: (ms) => void Atomics.wait(sleeper, 0, 0, ms),
};

/** One line of `faults.fired.json`: a fault that has struck, or a file that could not be understood. */
export type FaultNote =
  | {
      readonly at: string;
      readonly drive: number;
      readonly kind: Fault['kind'];
      readonly afterBytes: number;
      readonly movedBytes: number;
      readonly operation: DriveOperation;
    }
  | { readonly at: string; readonly drive: number; readonly problem: string };

export type Struck = 'none' | 'writeError' | 'readError' | 'offline';

const keptNotes = 1000;
const stallSliceMs = 50;

interface Memory {
  /** The file as it was last seen; empty where there was none. */
  readonly text: string;
  readonly stamp: string;
  readonly armed: readonly ArmedFault[];
}

/**
 * The faults that `faults.yaml` of a library sets for one drive. The file is looked at before every operation and read
 * when it has changed; what the drive had moved when a fault was set, and how often it has struck, stands in the
 * drive's own `faults.json` and so outlives the process. A file that can't be understood changes nothing: the problem
 * is noted and told on stderr, the faults from before stay in force.
 */
export class DriveFaults {
  readonly #libraryFolder: string;
  readonly #drive: number;
  readonly #clock: BlockingClock;
  #memory: Memory;
  #throttledUntil = 0;

  constructor(libraryFolder: string, drive: number, clock: BlockingClock = systemClock) {
    this.#libraryFolder = libraryFolder;
    this.#drive = drive;
    this.#clock = clock;
    this.#memory = this.#recall();
  }

  /**
   * What the next operation meets. Blocks while a stall is set, and as long as a slow drive would take.
   *
   * @param bytes  what the operation moves
   * @param movedBytes  what the drive has moved in its life
   */
  meet(operation: DriveOperation, bytes: number, movedBytes: number): Struck {
    for (;;) {
      this.#look(movedBytes);
      const index = strikingFault(this.#memory.armed, operation, movedBytes);
      const armed = index === undefined ? undefined : this.#memory.armed[index];
      if (index === undefined || armed === undefined) return 'none';
      const { fault } = armed;
      if (armed.fired === 0 || fault.kind === 'writeError' || fault.kind === 'readError')
        this.#strike(index, operation, movedBytes);
      if (fault.kind === 'stall') this.#clock.sleep(stallSliceMs);
      else if (fault.kind !== 'slow') return fault.kind;
      else if (this.#throttle(bytes, fault.bytesPerSecond)) return 'none';
    }
  }

  /** Whether the drive would answer now; notes nothing, never blocks. */
  isOffline(movedBytes: number): boolean {
    this.#look(movedBytes);
    return this.#memory.armed.some(
      ({ fault, baselineBytes }) => fault.kind === 'offline' && movedBytes - baselineBytes >= fault.afterBytes,
    );
  }

  /** Waits a slice at most, so that a fault taken back is noticed; true when the bytes are paid for. */
  #throttle(bytes: number, bytesPerSecond: number): boolean {
    const now = this.#clock.now();
    if (this.#throttledUntil === 0) this.#throttledUntil = now + (bytes * 1000) / bytesPerSecond;
    const waitMs = Math.min(this.#throttledUntil - now, stallSliceMs);
    if (waitMs > 0) this.#clock.sleep(waitMs);
    if (this.#throttledUntil > this.#clock.now()) return false;
    this.#throttledUntil = 0;
    return true;
  }

  #look(movedBytes: number): void {
    const path = join(this.#libraryFolder, 'faults.yaml');
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    const stamp = stat === undefined ? '' : `${stat.mtimeNs} ${stat.ino} ${stat.size}`;
    if (stamp === this.#memory.stamp) return;
    const text = stat === undefined ? '' : (readFileIfThere(path) ?? '');
    const parsed = parseFaults(text);
    if (parsed.kind === 'problem') {
      this.#remember({ ...this.#memory, text, stamp });
      process.stderr.write(`${path}: ${parsed.message}; the faults set before stay in force\n`);
      this.#note({ at: this.#time(), drive: this.#drive, problem: parsed.message });
      return;
    }
    const mine = parsed.faults.filter((fault) => fault.drive === this.#drive);
    const setAnew = text === this.#memory.text && text !== '';
    this.#remember({ text, stamp, armed: armFaults(this.#memory.armed, mine, movedBytes, setAnew) });
  }

  #strike(index: number, operation: DriveOperation, movedBytes: number): void {
    const armed = this.#memory.armed.map((each, at) => (at === index ? { ...each, fired: each.fired + 1 } : each));
    this.#remember({ ...this.#memory, armed });
    const fault = armed[index]?.fault;
    if (fault === undefined) return;
    const { kind, afterBytes } = fault;
    this.#note({ at: this.#time(), drive: this.#drive, kind, afterBytes, movedBytes, operation });
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  #memoryPath(): string {
    return join(driveFolder(this.#libraryFolder, this.#drive), 'faults.json');
  }

  #recall(): Memory {
    const text = readFileIfThere(this.#memoryPath());
    const none: Memory = { text: '', stamp: '', armed: [] };
    if (text === undefined) return none;
    const memory: unknown = JSON.parse(text);
    return isMemory(memory) ? memory : none;
  }

  #remember(memory: Memory): void {
    this.#memory = memory;
    replaceFile(this.#memoryPath(), `${JSON.stringify(memory)}\n`, false);
  }

  #note(note: FaultNote): void {
    const lockPath = join(this.#libraryFolder, 'faults.lock');
    let lock = tryLockFile(lockPath);
    while (lock === undefined) {
      this.#clock.sleep(1);
      lock = tryLockFile(lockPath);
    }
    try {
      const notes = [...readFaultNotes(this.#libraryFolder), note].slice(-keptNotes);
      replaceFile(firedPath(this.#libraryFolder), `${JSON.stringify(notes, undefined, 2)}\n`, false);
    } finally {
      lock.release();
    }
  }
}

const firedPath = (libraryFolder: string): string => join(libraryFolder, 'faults.fired.json');

/** What has struck so far, oldest first. */
export function readFaultNotes(libraryFolder: string): readonly FaultNote[] {
  if (!existsSync(firedPath(libraryFolder))) return [];
  const notes: unknown = JSON.parse(readFileSync(firedPath(libraryFolder), 'utf8'));
  return Array.isArray(notes) ? notes.filter(isNote) : [];
}

const isNote = (value: unknown): value is FaultNote => typeof value === 'object' && value !== null && 'at' in value;

const isMemory = (value: unknown): value is Memory =>
  typeof value === 'object' && value !== null && 'text' in value && 'stamp' in value && 'armed' in value;
