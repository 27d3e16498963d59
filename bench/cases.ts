/** What is measured: pairs of the same work, once by us and once by what everybody has. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createVirtualLibrary } from '../src/devices/changer/virtual-library.ts';
import { labelTape } from '../src/tape/label-tape.ts';
import type { LocalBackup } from '../src/worker/local-backup.ts';
import { measure, quote, type Measured } from './measure.ts';
import { makeSmallFiles } from './sources.ts';
import type { WholeSystem } from './whole-system.ts';
import type { AloneRun } from './worker-alone.ts';

export interface Case {
  readonly name: string;
  /** Ratio of our time to theirs that is aimed at. */
  readonly aim: number;
  ours(): Promise<Measured>;
  theirs(): Promise<Measured>;
}

export interface Place {
  /** Sources, library, archives. */
  readonly folder: string;
  /** Fresh for each restore: a memory file system where there is room. */
  readonly restoreFolder: string;
  readonly segmentBytes: number;
}

const entry = join(import.meta.dirname, 'worker-alone.ts');
const barcode = 'BENCH1L9';
const labelId = 'b'.repeat(32);

/** A library with one labelled tape in its drive, and nothing else. */
const makeLibrary = async (folder: string, tapeSizeBytes: number): Promise<void> => {
  rmSync(folder, { recursive: true, force: true });
  const library = createVirtualLibrary({ folder, drives: 1, slots: 1, tapeSizeBytes, barcodes: [barcode] });
  await library.changer.move(1024, 256);
  const drive = library.openDrive(0);
  labelTape(drive, { barcode, labelId, now: new Date() });
  drive.close();
};

const backupOf = (place: Place, source: string): LocalBackup => ({
  source,
  address: { driver: 'virtual', folder: join(place.folder, 'library'), elementAddress: 256 },
  barcode,
  labelId,
  segmentBytes: place.segmentBytes,
});

const aloneScript = (run: AloneRun, prefix = ''): string =>
  `${prefix}${quote(process.execPath)} ${quote(entry)} ${quote(JSON.stringify(run))}`;

/** The page cache is emptied behind one's back: everybody reads a warm source, and starts with nothing to write. */
const settle = (source: string): Promise<Measured> =>
  measure(`tar -cf - -C ${quote(source)} . | cat > /dev/null; sync`);

const runOf = (place: Place, source: string, action: AloneRun['action']): AloneRun => ({
  action,
  backup: backupOf(place, source),
  recordFile: join(place.folder, 'record.json'),
  target: join(place.restoreFolder, 'ours'),
});

const cacheOf = (place: Place) => ({ NODE_COMPILE_CACHE: join(place.folder, 'compiled') });

/** What the first worker on a machine compiles lies in a cache for all others: those are measured. */
export const warmUp = async (place: Place): Promise<void> => {
  const source = makeSmallFiles(join(place.folder, 'sources'), 10);
  await makeLibrary(join(place.folder, 'library'), 2 ** 28);
  for (const action of ['backup', 'restore'] as const) {
    mkdirSync(join(place.restoreFolder, 'ours'), { recursive: true });
    await measure(aloneScript(runOf(place, source, action)), cacheOf(place));
  }
  rmSync(join(place.restoreFolder, 'ours'), { recursive: true });
};

/** Started by the first case that needs it. */
export interface WholeSystems {
  started(): Promise<WholeSystem>;
}

/** From apply to Complete, against the same pipeline: what a user waits for. */
export const wholeCase = (place: Place, of: BackupCase, systems: WholeSystems): Case => ({
  ...backupCase(place, of),
  ours: async () => {
    const system = await systems.started();
    await settle(of.source);
    return system.backUp({ source: of.source, segmentBytes: place.segmentBytes });
  },
});

export interface BackupCase {
  readonly name: string;
  readonly aim: number;
  readonly source: string;
  readonly bytes: number;
  /** Put before both commands, such as a tracer that delays each open. */
  readonly prefix?: string;
}

/** The worker alone against `tar | tee FILE | openssl dgst -sha256`. */
export const backupCase = (place: Place, { name, aim, source, bytes, prefix = '' }: BackupCase): Case => {
  const archive = join(place.folder, 'theirs.tar');
  return {
    name,
    aim,
    ours: async () => {
      await makeLibrary(join(place.folder, 'library'), bytes * 2 + 2 ** 30);
      await settle(source);
      return measure(aloneScript(runOf(place, source, 'backup'), prefix), cacheOf(place));
    },
    theirs: async () => {
      rmSync(archive, { force: true });
      await settle(source);
      const pack = `${prefix}tar -cf - -C ${quote(source)} .`;
      return measure(`${pack} | tee ${quote(archive)} | openssl dgst -sha256 > /dev/null`);
    },
  };
};

/** Our restore, digests checked, against `tar -x` beside a SHA-256 of the same bytes. */
export const restoreCase = (place: Place, { name, aim, source, bytes }: BackupCase): Case => {
  const archive = join(place.folder, 'theirs.tar');
  const fresh = (who: string): string => {
    const target = join(place.restoreFolder, who);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    return target;
  };
  return {
    name,
    aim,
    ours: async () => {
      if (!existsSync(join(place.folder, 'record.json'))) {
        await makeLibrary(join(place.folder, 'library'), bytes * 2 + 2 ** 30);
        await measure(aloneScript(runOf(place, source, 'backup')), cacheOf(place));
      }
      fresh('ours');
      await measure(`cat ${quote(join(place.folder, 'library', 'tapes', barcode, 'data'))} > /dev/null; sync`);
      const measured = await measure(aloneScript(runOf(place, source, 'restore')), cacheOf(place));
      await measure(`diff -r ${quote(source)} ${quote(join(place.restoreFolder, 'ours'))}`);
      rmSync(join(place.restoreFolder, 'ours'), { recursive: true, force: true });
      return measured;
    },
    theirs: async () => {
      if (!existsSync(archive)) await measure(`tar -cf ${quote(archive)} -C ${quote(source)} .`);
      const target = fresh('theirs');
      await measure(`cat ${quote(archive)} > /dev/null; sync`);
      const unpack = `tar -xf - -C ${quote(target)}`;
      const measured = await measure(`tee >(openssl dgst -sha256 > /dev/null) < ${quote(archive)} | ${unpack}`);
      rmSync(target, { recursive: true, force: true });
      return measured;
    },
  };
};
