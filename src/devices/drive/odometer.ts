import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const digits = 20;

/**
 * The bytes that a drive has moved in its life, as decimal digits in its file `moved`. Written with every block, so
 * that a killed process leaves it right; never synced.
 */
export class Odometer {
  movedBytes: number;
  readonly #fd: number;

  constructor(driveFolder: string) {
    this.#fd = openSync(join(driveFolder, 'moved'), constants.O_RDWR | constants.O_CREAT, 0o644);
    const text = readFileSync(this.#fd, 'latin1').trim();
    this.movedBytes = /^\d+$/.test(text) ? Number(text) : 0;
  }

  add(bytes: number): void {
    this.movedBytes += bytes;
    writeSync(this.#fd, `${String(this.movedBytes).padStart(digits, '0')}\n`, 0, 'latin1');
  }

  close(): void {
    closeSync(this.#fd);
  }
}
