import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLockDrive } from '../../../src/devices/drive/drive-lock.ts';
import { changerCodeOf } from '../../contract/changer.ts';
import { codeOf } from '../../contract/tape-drive.ts';
import { makeLibrary, type LibraryBench } from './library-bench.ts';

const holder = fileURLToPath(new URL('drive-holder.ts', import.meta.url));

describe('a drive between processes', { timeout: 60_000 }, () => {
  let bench: LibraryBench;

  beforeEach(async () => {
    bench = makeLibrary(2 ** 30);
    await bench.library.changer.move(1024, 256);
  });
  afterEach(() => bench[Symbol.dispose]());

  /** A process that writes; resolves when it has told so many blocks. */
  async function startWriter(blocks: number) {
    const child = spawn(process.execPath, [holder, bench.folder, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let told = 0;
    const reached = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        told = line === 'open' ? 0 : Number(line);
        if (told >= blocks) resolve();
      });
    });
    await reached;
    return {
      kill: async (): Promise<number> => {
        child.kill('SIGKILL');
        await exited;
        return told;
      },
    };
  }

  it('belongs to the process that opened it until that process is dead', async () => {
    const writer = await startWriter(0);
    try {
      expect(tryLockDrive(bench.folder, 0)).toBeUndefined();
      expect(codeOf(() => bench.library.openDrive(0))).toBe('Busy');
      expect(await changerCodeOf(bench.library.changer.move(256, 1024))).toBe('DriveLocked');
      const other = tryLockDrive(bench.folder, 1);
      expect(other).toBeDefined();
      other?.release();
    } finally {
      await writer.kill();
    }
    const lock = tryLockDrive(bench.folder, 0);
    expect(lock).toBeDefined();
    lock?.release();
    await bench.library.changer.move(256, 1024);
  });

  it.each([1, 7, 42])('leaves whole blocks and every told one when it is killed after %i of them', async (blocks) => {
    const writer = await startWriter(blocks);
    const told = await writer.kill();
    const drive = bench.library.openDrive(0);
    try {
      drive.rewind();
      const into = Buffer.alloc(262_144);
      let found = 0;
      for (let result = drive.read(into); result.kind !== 'endOfData'; result = drive.read(into)) {
        if (result.kind !== 'block') continue;
        expect(result.bytes).toBe(262_144);
        expect(into.equals(Buffer.alloc(262_144, 0x70))).toBe(true);
        found += 1;
      }
      expect(found).toBeGreaterThanOrEqual(told);
      expect(drive.write(Buffer.from('goes on')).kind).toBe('written');
    } finally {
      drive.close();
    }
  });

  it('keeps its odometer when it is killed', async () => {
    const writer = await startWriter(10);
    const told = await writer.kill();
    const moved = Number(readFileSync(join(bench.folder, 'drives/0/moved'), 'utf8'));
    expect(moved).toBeGreaterThanOrEqual(told * 262_144);
    expect(moved % 262_144).toBe(0);
  });

  it('drops a block that was torn when the process died', async () => {
    const writer = await startWriter(3);
    await writer.kill();
    const data = join(bench.folder, 'tapes/TW0001L9/data');
    const before = bench.library.openDrive(0);
    const whole = before.spaceToEndOfData().block ?? 0;
    before.close();
    truncateSync(data, statSync(data).size - 1);
    const drive = bench.library.openDrive(0);
    const left = drive.spaceToEndOfData().block;
    drive.close();
    // The tape ends before the torn block; a filemark behind that goes with it.
    expect([whole - 1, whole - 2]).toContain(left);
  });
});
