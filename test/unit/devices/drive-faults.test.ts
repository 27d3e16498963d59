import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFaultNotes, type BlockingClock } from '../../../src/devices/drive/drive-faults.ts';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { parseFaults } from '../../../src/devices/drive/faults-file.ts';
import { codeOf } from '../../contract/tape-drive.ts';
import { makeLibrary, type LibraryBench } from './library-bench.ts';

const mebibyte = 2 ** 20;
const block = new Uint8Array(262_144);

describe('faults on demand', () => {
  let bench: LibraryBench;
  let drive: TapeDrive;
  let sleptMs: number;
  /** What happens while the drive sleeps. */
  let whileAsleep: () => void;

  const clock: BlockingClock = {
    now: () => 1_000_000 + sleptMs,
    sleep: (ms) => {
      sleptMs += ms;
      whileAsleep();
    },
  };
  const open = (): TapeDrive => bench.library.openDrive(0, { clock });
  const reopen = (): void => {
    drive.close();
    drive = open();
  };
  const set = (...faults: readonly object[]): void =>
    writeFileSync(join(bench.folder, 'faults.yaml'), JSON.stringify(faults));
  const write = (blocks: number): (string | undefined)[] =>
    Array.from({ length: blocks }, () => codeOf(() => drive.write(block)));

  beforeEach(async () => {
    bench = makeLibrary();
    await bench.library.changer.move(1024, 256);
    sleptMs = 0;
    whileAsleep = () => undefined;
    drive = open();
  });
  afterEach(() => {
    drive.close();
    bench[Symbol.dispose]();
  });

  it('fail one write after so many bytes since they were set, and no other', () => {
    write(3);
    set({ drive: 0, kind: 'writeError', afterBytes: mebibyte });
    expect(write(5)).toEqual([undefined, undefined, undefined, undefined, 'WriteError']);
    drive.spaceToEndOfData();
    expect(write(8)).toEqual(Array(8).fill(undefined));
    expect(readFaultNotes(bench.folder)).toMatchObject([
      { drive: 0, kind: 'writeError', afterBytes: mebibyte, movedBytes: 7 * 262_144, operation: 'write' },
    ]);
  });

  it('lose the position, so that nothing is read or written before it is found again', () => {
    write(1);
    set({ drive: 0, kind: 'writeError' });
    expect(write(2)).toEqual(['WriteError', 'PositionLost']);
    expect(drive.position()).toEqual({});
    expect(codeOf(() => drive.read(block))).toBe('PositionLost');
    expect(drive.spaceToEndOfData()).toEqual({ file: 0, block: 1 });
  });

  it('blame the drive', () => {
    set({ drive: 0, kind: 'writeError' });
    expect(() => drive.write(block)).toThrow(expect.objectContaining({ fault: 'drive', retryable: false }));
  });

  it('count reads and writes together and fail as often as they are told', () => {
    write(2);
    set({ drive: 0, kind: 'readError', afterBytes: 524_288, times: 2 });
    drive.rewind();
    const read = () => codeOf(() => drive.read(new Uint8Array(262_144)));
    expect([read(), read(), read()]).toEqual([undefined, undefined, 'ReadError']);
    drive.rewind();
    expect(read()).toBe('ReadError');
    drive.rewind();
    expect([read(), read()]).toEqual([undefined, undefined]);
  });

  it('strike only the drive that they name', () => {
    set({ drive: 1, kind: 'writeError' });
    expect(write(2)).toEqual([undefined, undefined]);
    expect(readFaultNotes(bench.folder)).toEqual([]);
  });

  it('go on counting when another process opens the drive', () => {
    set({ drive: 0, kind: 'writeError', afterBytes: mebibyte });
    write(3);
    reopen();
    drive.spaceToEndOfData();
    expect(write(2)).toEqual([undefined, 'WriteError']);
    reopen();
    drive.spaceToEndOfData();
    expect(write(1)).toEqual([undefined]);
  });

  it('are set anew when the file is written again as it was', () => {
    const fault = { drive: 0, kind: 'writeError' };
    set(fault);
    write(1);
    drive.spaceToEndOfData();
    rmSync(join(bench.folder, 'faults.yaml'));
    write(1);
    set(fault);
    expect(write(1)).toEqual(['WriteError']);
    drive.spaceToEndOfData();
    expect(write(1)).toEqual([undefined]);
    set(fault);
    expect(write(1)).toEqual(['WriteError']);
  });

  it('keep their count when others are added to the file', () => {
    const fault = { drive: 0, kind: 'writeError' };
    set(fault);
    write(1);
    set(fault, { drive: 0, kind: 'readError', afterBytes: 999_999_999 });
    drive.spaceToEndOfData();
    expect(write(1)).toEqual([undefined]);
  });

  it('stall until they are taken out of the file', () => {
    set({ drive: 0, kind: 'stall', afterBytes: 262_144 });
    whileAsleep = () => {
      if (sleptMs > 10_000) set();
    };
    expect(write(1)).toEqual([undefined]);
    expect(sleptMs).toBe(0);
    expect(write(1)).toEqual([undefined]);
    expect(sleptMs).toBeGreaterThan(10_000);
    expect(readFaultNotes(bench.folder)).toHaveLength(1);
    expect(drive.spaceToEndOfData().block).toBe(2);
  });

  it('slow a drive down to a rate', () => {
    set({ drive: 0, kind: 'slow', bytesPerSecond: 262_144 });
    expect(write(3)).toEqual([undefined, undefined, undefined]);
    expect(sleptMs).toBeGreaterThanOrEqual(3000);
    expect(sleptMs).toBeLessThan(3200);
    expect(readFaultNotes(bench.folder)).toHaveLength(1);
  });

  it('take a drive off line until they are taken out of the file', () => {
    write(1);
    set({ drive: 0, kind: 'offline' });
    expect(drive.status()).toMatchObject({ ready: false, reason: 'Offline' });
    expect(write(2)).toEqual(['Offline', 'Offline']);
    expect(codeOf(() => drive.rewind())).toBe('Offline');
    set();
    expect(drive.status()).toMatchObject({ ready: true });
    expect(drive.spaceToEndOfData().block).toBe(1);
    expect(write(1)).toEqual([undefined]);
  });

  it('stay as they were when the file can not be understood, and the problem is noted', () => {
    set({ drive: 0, kind: 'offline' });
    expect(write(1)).toEqual(['Offline']);
    writeFileSync(join(bench.folder, 'faults.yaml'), '- drive: [0');
    expect(write(1)).toEqual(['Offline']);
    set();
    writeFileSync(join(bench.folder, 'faults.yaml'), '[]');
    drive.spaceToEndOfData();
    expect(write(1)).toEqual([undefined]);
    expect(readFaultNotes(bench.folder).filter((note) => 'problem' in note)).toHaveLength(1);
  });

  it('may also be written as a person would', () => {
    writeFileSync(
      join(bench.folder, 'faults.yaml'),
      '# break it\n- drive: 0\n  kind: writeError\n  afterBytes: 262144\n',
    );
    expect(write(2)).toEqual([undefined, 'WriteError']);
  });
});

describe('parseFaults', () => {
  it.each([
    ['a map', 'drive: 0', 'must be a list'],
    ['an unknown kind', '[{drive: 0, kind: explode}]', 'kind must be one of writeError'],
    ['no drive', '[{kind: stall}]', 'drive must be'],
    ['a misspelt key', '[{drive: 0, kind: stall, after: 3}]', 'after is not known'],
    ['bytes below zero', '[{drive: 0, kind: stall, afterBytes: -1}]', 'afterBytes must be'],
    ['no times', '[{drive: 0, kind: writeError, times: 0}]', 'times must be'],
  ])('refuses %s and says why', (_name, text, message) => {
    expect(parseFaults(text)).toEqual({ kind: 'problem', message: expect.stringContaining(message) as string });
  });

  it.each([
    ['an empty file', ''],
    ['an empty list', '[]'],
    ['a comment', '# nothing'],
  ])('takes %s for no faults', (_name, text) => {
    expect(parseFaults(text)).toEqual({ kind: 'faults', faults: [] });
  });
});
