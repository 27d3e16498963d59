import { errorCode } from '../error-code.ts';
import type { FileLock } from '../file-lock.ts';
import type { DriveOperation } from './armed-faults.ts';
import { DriveFaults, systemClock, type BlockingClock } from './drive-faults.ts';
import { driveFolder } from './drive-lock.ts';
import {
  DriveError,
  type DriveStatus,
  type EndOfDataPosition,
  type FilemarksResult,
  type Located,
  type ReadResult,
  type Spaced,
  type TapeDrive,
  type TapePosition,
  type WriteResult,
} from './drive.ts';
import { Odometer } from './odometer.ts';
import { fileOf, filemarkObject } from './virtual-tape-map.ts';
import { NotAVirtualTape, readCartridgeFacts, VirtualTape, type CartridgeFacts } from './virtual-tape.ts';

export interface VirtualDriveOptions {
  readonly libraryFolder: string;
  /** Number of the drive in the library, from 0. */
  readonly drive: number;
  /** Folder of the loaded cartridge; absent when the drive is empty. */
  readonly tapeFolder?: string;
  /** The lock of the drive; released by `close()`. */
  readonly lock: FileLock;
  readonly clock?: BlockingClock;
}

interface Loaded {
  readonly tape: VirtualTape;
  readonly facts: CartridgeFacts;
}

/** A drive of a virtual library, with a cartridge that lies in files, and with faults on demand. */
export class VirtualDrive implements TapeDrive {
  readonly name: string;
  readonly #options: VirtualDriveOptions;
  readonly #odometer: Odometer;
  readonly #faults: DriveFaults;
  readonly #loaded: Loaded | undefined;
  /** The next object; absent when an error lost the position. */
  #object: number | undefined = 0;
  #mayOverwrite = false;
  /** The next write in the early warning zone is answered with the warning, as `st` does every other time. */
  #warnNext = true;
  #closed = false;

  constructor(options: VirtualDriveOptions) {
    this.name = `drive ${options.drive}`;
    this.#options = options;
    // First what may be refused, so that nothing is left open then.
    this.#loaded = options.tapeFolder === undefined ? undefined : load(options.tapeFolder);
    this.#odometer = new Odometer(driveFolder(options.libraryFolder, options.drive));
    this.#faults = new DriveFaults(options.libraryFolder, options.drive, options.clock ?? systemClock);
  }

  status(): DriveStatus {
    if (this.#loaded === undefined) return { ready: false, reason: 'NoMedium', writeProtected: false, worm: false };
    const { tape, facts } = this.#loaded;
    const { barcode, worm, writeProtected, capacityBytes } = facts;
    const seen = { writeProtected, worm, barcode, capacityBytes, usedBytes: tape.usedBytes };
    return this.#faults.isOffline(this.#odometer.movedBytes)
      ? { ready: false, reason: 'Offline', ...seen }
      : { ready: true, ...seen };
  }

  position(): TapePosition {
    if (this.#object === undefined || this.#loaded === undefined) return {};
    return { block: this.#object, file: fileOf(this.#loaded.tape.layout, this.#object) };
  }

  rewind(): void {
    this.#begin('move');
    this.#object = 0;
  }

  locateFile(file: number): Located {
    const { tape } = this.#begin('move');
    const before = file === 0 ? -1 : filemarkObject(tape.layout, file - 1);
    return this.#locate(before + 1, tape);
  }

  locateBlock(block: number): Located {
    const { tape } = this.#begin('move');
    return this.#locate(block, tape);
  }

  spaceFilemarks(count: number): Spaced {
    const { tape } = this.#begin('move');
    const at = fileOf(tape.layout, this.#known());
    const forwards = count >= 0;
    const possible = Math.min(Math.abs(count), forwards ? tape.layout.filemarks.length - at : at);
    const stopped = possible < Math.abs(count);
    if (stopped && forwards) this.#refuseDamage(tape);
    if (stopped) this.#object = forwards ? tape.layout.objects : 0;
    else if (possible > 0)
      this.#object = filemarkObject(tape.layout, forwards ? at + possible - 1 : at - possible) + (forwards ? 1 : 0);
    return { filemarks: possible, ...(stopped && { stoppedAt: forwards ? 'endOfData' : 'beginningOfTape' }) };
  }

  spaceToEndOfData(): EndOfDataPosition {
    const { tape } = this.#begin('move');
    this.#refuseDamage(tape);
    this.#object = tape.layout.objects;
    return { file: tape.layout.filemarks.length, block: tape.layout.objects };
  }

  read(into: Uint8Array): ReadResult {
    const { tape } = this.#begin('read', into.length);
    const object = this.#known();
    const element = tape.elementAt(object);
    if (element === undefined) {
      this.#refuseDamage(tape);
      return { kind: 'endOfData' };
    }
    this.#object = object + 1;
    if (element.kind === 'filemark') return { kind: 'filemark' };
    if (into.length < element.blockBytes)
      throw new DriveError('BlockTooLarge', `${this.name}: a block of ${element.blockBytes} bytes is on the tape`);
    this.#guarded('ReadError', () => tape.readBlock(element, object - element.firstObject, into));
    this.#odometer.add(element.blockBytes);
    return { kind: 'block', bytes: element.blockBytes };
  }

  write(block: Uint8Array, meanwhile?: () => void): WriteResult {
    if (block.length === 0) throw new DriveError('WriteError', 'a block has at least one byte', { fault: 'caller' });
    const { tape, facts } = this.#begin('write', block.length);
    this.#makeWritable(tape, facts);
    const used = tape.usedBytesAfterBlock(block.length);
    if (used > facts.capacityBytes) return { kind: 'endOfMedium' };
    if (this.#warns(tape, facts)) return { kind: 'earlyWarning' };
    this.#guarded('WriteError', () => tape.appendBlock(block, meanwhile));
    this.#object = tape.layout.objects;
    this.#odometer.add(block.length);
    return { kind: 'written', earlyWarning: false };
  }

  writeFilemarks(count: number, { immediate }: { readonly immediate: boolean }): FilemarksResult {
    const { tape, facts } = this.#begin('sync');
    if (count > 0) this.#makeWritable(tape, facts);
    for (let written = 0; written < count; written++) {
      if (tape.usedBytesAfterFilemark() > facts.capacityBytes) return { kind: 'endOfMedium' };
      this.#guarded('WriteError', () => tape.appendFilemark());
      this.#object = tape.layout.objects;
    }
    if (!immediate) this.#guarded('WriteError', () => tape.sync());
    return { kind: 'written', earlyWarning: tape.usedBytes > facts.capacityBytes - facts.earlyWarningBytes };
  }

  flush(): void {
    const { tape } = this.#begin('sync');
    this.#guarded('WriteError', () => tape.sync());
  }

  allowOverwrite(): void {
    const { tape, facts } = this.#begin('move');
    if (facts.worm && tape.layout.objects > 0)
      throw new DriveError('WriteProtected', `${this.name}: ${facts.barcode} is WORM and holds data`);
    this.#mayOverwrite = true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loaded?.tape.close();
    this.#odometer.close();
    this.#options.lock.release();
  }

  #begin(operation: DriveOperation, bytes = 0): Loaded {
    if (this.#closed) throw new DriveError('Closed', `${this.name} has been closed`);
    if (this.#loaded === undefined) throw new DriveError('NotReady', `${this.name} holds no cartridge`);
    if (operation === 'move') this.#mayOverwrite = false;
    const struck = this.#faults.meet(operation, bytes, this.#odometer.movedBytes);
    switch (struck) {
      case 'none':
        return this.#loaded;
      case 'offline':
        this.#object = undefined;
        throw new DriveError('Offline', `${this.name} is offline`);
      case 'readError':
        throw this.#lost('ReadError', `${this.name}: read error at ${this.#where()}`, 'drive');
      case 'writeError':
        throw this.#lost('WriteError', `${this.name}: write error at ${this.#where()}`, 'drive');
    }
  }

  #lost(code: 'ReadError' | 'WriteError', message: string, fault: 'drive' | 'tape', cause?: unknown): DriveError {
    this.#object = undefined;
    return new DriveError(code, message, { fault, cause });
  }

  #where(): string {
    const { file, block } = this.position();
    return `file ${file ?? '?'}, block ${block ?? '?'}`;
  }

  #known(): number {
    if (this.#object === undefined)
      throw new DriveError('PositionLost', `${this.name}: an error lost the position; rewind first`);
    return this.#object;
  }

  /** Behind the last object that can be read lie others: that is no end of data. */
  #refuseDamage({ layout }: VirtualTape): void {
    if (!layout.damaged) return;
    const where = `file ${layout.filemarks.length}, block ${layout.objects}`;
    throw this.#lost('ReadError', `${this.name}: the medium can't be read from ${where} on`, 'tape');
  }

  #locate(object: number, tape: VirtualTape): Located {
    const found = object <= tape.layout.objects;
    if (!found) this.#refuseDamage(tape);
    this.#object = found ? object : tape.layout.objects;
    return { found };
  }

  #makeWritable(tape: VirtualTape, facts: CartridgeFacts): void {
    const object = this.#known();
    if (facts.writeProtected) throw new DriveError('WriteProtected', `${facts.barcode} is write protected`);
    if (object !== tape.layout.objects || tape.layout.damaged) {
      if (object !== 0 || !this.#mayOverwrite)
        throw new DriveError('Overwrite', `${this.name}: ${this.#where()} is not the end of data`);
      this.#guarded('WriteError', () => tape.erase());
    }
    this.#mayOverwrite = false;
  }

  #warns(tape: VirtualTape, facts: CartridgeFacts): boolean {
    if (tape.usedBytes <= facts.capacityBytes - facts.earlyWarningBytes) return false;
    const warns = this.#warnNext;
    this.#warnNext = !warns;
    return warns;
  }

  #guarded(code: 'ReadError' | 'WriteError', act: () => void): void {
    try {
      act();
    } catch (error) {
      const message = `${this.name}: ${errorCode(error) ?? 'failure'} at ${this.#where()}`;
      throw this.#lost(code, message, 'tape', error);
    }
  }
}

/** @throws DriveError where the cartridge is none that can be read */
function load(tapeFolder: string): Loaded {
  try {
    const facts = readCartridgeFacts(tapeFolder);
    return { tape: VirtualTape.open(tapeFolder, facts.writeProtected ? 'read' : 'write'), facts };
  } catch (cause) {
    if (!(cause instanceof NotAVirtualTape)) throw cause;
    throw new DriveError('ReadError', cause.message, { cause, retryable: false });
  }
}
