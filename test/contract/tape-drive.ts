import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriveError, type DriveErrorCode, type TapeDrive, type WriteResult } from '../../src/devices/drive/drive.ts';

/** What a driver must give its tests: one drive with a blank, writable cartridge, opened as often as asked. */
export interface DriveBench {
  /** Opens the drive; the previous one has been closed. */
  open(): TapeDrive;
  /** Another attempt while the drive is open. */
  openTwice(): TapeDrive;
  dispose(): Promise<void>;
}

const payload = (): Uint8Array => randomBytes(262_144);
const label = (text: string): Uint8Array => Buffer.from(text.padEnd(80));

/** What every drive driver keeps, whatever is behind it. `makeBench` gives a blank tape each time. */
export function describeTapeDrive(driver: string, makeBench: () => Promise<DriveBench>): void {
  describe(`${driver} as a tape drive`, () => {
    let bench: DriveBench;
    let drive: TapeDrive;

    beforeEach(async () => {
      bench = await makeBench();
      drive = bench.open();
    });
    afterEach(async () => {
      drive.close();
      await bench.dispose();
    });

    const write = (...blocks: readonly Uint8Array[]): void => {
      for (const block of blocks) expect(drive.write(block).kind).toBe('written');
    };
    const mark = (count = 1): void => {
      expect(drive.writeFilemarks(count, { immediate: true }).kind).toBe('written');
    };
    const reopen = (): void => {
      drive.close();
      drive = bench.open();
    };
    const read = (): string => {
      const into = new Uint8Array(1_048_576);
      const result = drive.read(into);
      return result.kind === 'block'
        ? Buffer.from(into.subarray(0, result.bytes)).toString('latin1').trimEnd()
        : result.kind;
    };

    it('is ready and writable with a blank tape', () => {
      expect(drive.status()).toMatchObject({ ready: true, writeProtected: false });
    });

    it('has no data on a blank tape', () => {
      drive.rewind();
      expect(drive.read(new Uint8Array(100))).toEqual({ kind: 'endOfData' });
      expect(drive.spaceToEndOfData().file).toBe(0);
    });

    it('gives back blocks of every size one by one, each as it was written', () => {
      const blocks = [label('VOL1'), payload(), payload(), randomBytes(1), randomBytes(4096), payload(), label('EOF1')];
      write(...blocks);
      mark();
      drive.rewind();
      for (const block of blocks) {
        const into = new Uint8Array(262_144);
        expect(drive.read(into)).toEqual({ kind: 'block', bytes: block.length });
        expect(Buffer.from(into.subarray(0, block.length)).equals(block)).toBe(true);
      }
      expect(drive.read(new Uint8Array(80))).toEqual({ kind: 'filemark' });
      expect(drive.read(new Uint8Array(80))).toEqual({ kind: 'endOfData' });
    });

    it('keeps what was written when it is opened again', () => {
      write(label('a'), label('b'));
      drive.writeFilemarks(1, { immediate: false });
      reopen();
      drive.rewind();
      expect([read(), read(), read(), read()]).toEqual(['a', 'b', 'filemark', 'endOfData']);
    });

    it('does not use a block any more once the write has returned', () => {
      const block = label('before');
      write(block);
      block.fill('x'.charCodeAt(0));
      drive.rewind();
      expect(read()).toBe('before');
    });

    it('counts tape files by filemarks', () => {
      write(label('a'));
      mark();
      expect(drive.position().file).toBe(1);
      write(label('b'), label('c'));
      mark(2);
      expect(drive.position().file).toBe(3);
      drive.rewind();
      expect(drive.position().file).toBe(0);
    });

    it('tells the tape file in which the data end, and stands there', () => {
      write(label('a'));
      mark();
      write(label('b'));
      drive.rewind();
      expect(drive.spaceToEndOfData().file).toBe(1);
      expect(read()).toBe('endOfData');
    });

    it('locates the beginning of any tape file from anywhere', () => {
      for (const name of ['a', 'b', 'c', 'd']) {
        write(label(name), label(`${name}2`));
        mark();
      }
      for (const [file, name] of [
        [2, 'c'],
        [0, 'a'],
        [3, 'd'],
        [1, 'b'],
      ] as const) {
        expect(drive.locateFile(file)).toEqual({ found: true });
        expect(read()).toBe(name);
        expect(drive.position().file).toBe(file);
      }
      expect(drive.locateFile(4)).toEqual({ found: true });
      expect(read()).toBe('endOfData');
    });

    it('says so when a tape file lies beyond the end of data, and stands there', () => {
      write(label('a'));
      mark();
      expect(drive.locateFile(3)).toEqual({ found: false });
      write(label('b'));
      drive.rewind();
      expect([read(), read(), read()]).toEqual(['a', 'filemark', 'b']);
    });

    it('spaces forwards onto the far side of a filemark and backwards onto the near side', () => {
      write(label('a'));
      mark();
      write(label('b'));
      mark();
      write(label('c'));
      drive.rewind();
      expect(drive.spaceFilemarks(1)).toEqual({ filemarks: 1 });
      expect(read()).toBe('b');
      expect(drive.spaceFilemarks(1)).toEqual({ filemarks: 1 });
      expect(read()).toBe('c');
      expect(drive.spaceFilemarks(-2)).toEqual({ filemarks: 2 });
      expect(read()).toBe('filemark');
      expect(read()).toBe('b');
    });

    it('stops at the end of data and at the beginning of the tape when there are fewer filemarks', () => {
      write(label('a'));
      mark();
      write(label('b'));
      drive.rewind();
      expect(drive.spaceFilemarks(3)).toEqual({ filemarks: 1, stoppedAt: 'endOfData' });
      expect(read()).toBe('endOfData');
      expect(drive.spaceFilemarks(-3)).toEqual({ filemarks: 1, stoppedAt: 'beginningOfTape' });
      expect(read()).toBe('a');
    });

    it('locates any object by number, where it can count them', () => {
      write(label('a'));
      mark();
      write(label('b'), label('c'));
      const { block: end } = drive.position();
      if (end === undefined) return expect(drive.position().file).toBe(1);
      expect(end).toBe(4);
      expect(drive.locateBlock(3)).toEqual({ found: true });
      expect(read()).toBe('c');
      expect(drive.locateBlock(1)).toEqual({ found: true });
      expect(read()).toBe('filemark');
      expect(drive.locateBlock(9)).toEqual({ found: false });
      expect(drive.position().block).toBe(4);
    });

    it('appends at the end of data after the tape was closed in the middle of a file', () => {
      write(label('a'), label('b'));
      drive.flush();
      reopen();
      drive.spaceToEndOfData();
      write(label('c'));
      mark();
      drive.rewind();
      const seen = [read(), read(), read()];
      // A driver above `st` finds the filemark that closing added.
      expect([
        ['a', 'b', 'c'],
        ['a', 'b', 'filemark'],
      ]).toContainEqual(seen);
    });

    it('refuses to write anywhere but at the end of data, and destroys nothing', () => {
      write(label('a'));
      mark();
      write(label('b'));
      mark();
      drive.rewind();
      expect(codeOf(() => drive.write(label('x')))).toBe('Overwrite');
      expect(codeOf(() => drive.writeFilemarks(1, { immediate: true }))).toBe('Overwrite');
      drive.locateFile(1);
      expect(codeOf(() => drive.write(label('x')))).toBe('Overwrite');
      drive.rewind();
      expect([read(), read(), read(), read(), read()]).toEqual(['a', 'filemark', 'b', 'filemark', 'endOfData']);
    });

    it('replaces everything when overwriting at the beginning was allowed', () => {
      write(label('a'), payload());
      mark();
      write(payload());
      mark();
      drive.rewind();
      drive.allowOverwrite();
      write(label('new'));
      mark();
      drive.rewind();
      expect([read(), read(), read()]).toEqual(['new', 'filemark', 'endOfData']);
      reopen();
      expect(drive.spaceToEndOfData().file).toBe(1);
    });

    it('takes the permission to overwrite back with the next motion', () => {
      write(label('a'));
      mark();
      drive.rewind();
      drive.allowOverwrite();
      drive.rewind();
      expect(codeOf(() => drive.write(label('x')))).toBe('Overwrite');
    });

    it('says that a block is larger than the memory for it, and goes on behind it', () => {
      write(label('large'), label('next'));
      drive.rewind();
      expect(codeOf(() => drive.read(new Uint8Array(79)))).toBe('BlockTooLarge');
      expect(read()).toBe('next');
    });

    it('belongs to one at a time', () => {
      expect(codeOf(() => bench.openTwice())).toBe('Busy');
      reopen();
      expect(drive.status().ready).toBe(true);
    });

    it('refuses to work after it was closed', () => {
      drive.close();
      expect(codeOf(() => drive.rewind())).toBe('Closed');
      drive.close();
    });

    it('warns before the end of the medium, takes more, and then no more', () => {
      const block = payload();
      let blocks = 0;
      let blocksAtWarning: number | undefined;
      for (let ended = false; !ended;) {
        const result = drive.write(block);
        if (result.kind === 'written') blocks += 1;
        if (blocksAtWarning === undefined && warns(result)) blocksAtWarning = blocks;
        ended = result.kind === 'endOfMedium';
      }
      expect(blocksAtWarning).toBeGreaterThan(0);
      expect(blocks).toBeGreaterThan(blocksAtWarning ?? blocks);
      expect(drive.write(block).kind).toBe('endOfMedium');
      drive.rewind();
      let readable = 0;
      const into = new Uint8Array(262_144);
      while (drive.read(into).kind === 'block') readable += 1;
      expect(readable).toBe(blocks);
    });

    it.each([
      { name: 'a block of a payload', bytes: 262_144, at: 4096 },
      { name: 'one that does not begin on a page', bytes: 262_144, at: 100 },
      { name: 'a label', bytes: 80, at: 0 },
    ])('has something else done once beside $name', ({ bytes, at }) => {
      const block = new Uint8Array(262_144 + 8192).subarray(at, at + bytes).fill(0x61);
      let calls = 0;
      expect(drive.write(block, () => (calls += 1)).kind).toBe('written');
      block.fill(0x62);
      mark();
      drive.rewind();
      expect(calls).toBe(1);
      expect(read()).toBe('a'.repeat(bytes));
    });

    it('has it done for each block that it takes, and for no other, until the medium ends', () => {
      const block = payload();
      let taken = 0;
      let calls = 0;
      for (let ended = false; !ended;) {
        const { kind } = drive.write(block, () => (calls += 1));
        if (kind === 'written') taken += 1;
        ended = kind === 'endOfMedium';
      }
      expect(taken).toBeGreaterThan(1);
      expect(calls).toBe(taken);
    });

    it('takes labels and filemarks after the early warning', () => {
      const block = payload();
      while (!warns(drive.write(block)));
      mark();
      let result = drive.write(label('EOF1'));
      if (result.kind === 'earlyWarning') result = drive.write(label('EOF1'));
      expect(result.kind).toBe('written');
      expect(drive.writeFilemarks(1, { immediate: false }).kind).toBe('written');
      drive.locateFile(1);
      expect([read(), read(), read()]).toEqual(['EOF1', 'filemark', 'endOfData']);
    });
  });
}

const warns = (result: WriteResult): boolean =>
  result.kind === 'earlyWarning' || (result.kind === 'written' && result.earlyWarning);

export function codeOf(act: () => unknown): DriveErrorCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof DriveError) return error.code;
    throw error;
  }
}
