/** What is really in libraries and switches, whatever the API says. */
import type { FabricZone } from '../../src/devices/fabric/fabric.ts';

/** Anything that can hold the lock of a drive. */
export interface LockOwner {
  readonly name: string;
}

/** A whole group on a tape: one segment of one job. */
export interface WrittenGroup {
  readonly jobUid: string;
  readonly stream: number;
  readonly epoch: number;
  readonly segment: number;
}

export interface RealTape {
  readonly barcode: string;
  labelId: string | undefined;
  readonly groups: WrittenGroup[];
  /** Groups for which there is room. */
  readonly capacity: number;
}

export interface RealDrive {
  readonly library: string;
  readonly name: string;
  readonly address: number;
  loaded: RealTape | undefined;
  lock: LockOwner | undefined;
  /** Writes that go well before the next one fails. */
  writesUntilError: number;
}

export interface RealLibrary {
  readonly name: string;
  readonly drives: readonly RealDrive[];
  /** By slot number. */
  readonly slots: Map<number, RealTape | undefined>;
}

export interface RealZone extends FabricZone {
  /** Made by a process that had been replaced: it stands until somebody finds it. */
  readonly late: boolean;
}

export interface RealSwitch {
  readonly name: string;
  readonly zones: Map<string, RealZone>;
  reachable: boolean;
}

export class Hardware {
  readonly libraries = new Map<string, RealLibrary>();
  readonly switches = new Map<string, RealSwitch>();

  drive(library: string, name: string): RealDrive {
    const found = this.libraries.get(library)?.drives.find((drive) => drive.name === name);
    if (found === undefined) throw new RangeError(`no drive ${library}/${name}`);
    return found;
  }

  tape(barcode: string): RealTape {
    for (const { drives, slots } of this.libraries.values()) {
      for (const tape of slots.values()) if (tape?.barcode === barcode) return tape;
      for (const { loaded } of drives) if (loaded?.barcode === barcode) return loaded;
    }
    throw new RangeError(`no tape ${barcode}`);
  }

  slotOf(library: RealLibrary, barcode: string): number | undefined {
    for (const [slot, tape] of library.slots) if (tape?.barcode === barcode) return slot;
    return undefined;
  }

  unlock(owner: LockOwner): void {
    for (const { drives } of this.libraries.values()) {
      for (const drive of drives) if (drive.lock === owner) drive.lock = undefined;
    }
  }
}
