import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tapeLibraries, tapes } from '../../../src/api/resources.ts';
import type { JobIdentity, LoadOrder } from '../../../src/api/worker-order.ts';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { mapRecordBytes } from '../../../src/devices/drive/virtual-tape-map.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { runLoad } from '../../../src/worker/load.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { makeMemoryApi } from '../kube/memory-api.ts';
import { begin, blockOf, headerOf, now, uid, writeGroup } from '../tape/group-bench.ts';

const labelId = 'ab'.repeat(16);
const barcode = 'TW0001L9';
let bench: LibraryBench;

const withDrive = (act: (drive: TapeDrive) => void): void => {
  const drive = bench.library.openDrive(0);
  act(drive);
  drive.close();
};

beforeEach(async () => {
  bench = makeLibrary();
  await bench.library.changer.move(1024, 256);
  withDrive((drive) => {
    labelTape(drive, { barcode, labelId, now });
    drive.spaceToEndOfData();
    writeGroup(drive, 0, 'a');
    writeGroup(drive, 1, 'b');
  });
});
afterEach(() => bench[Symbol.dispose]());

const damageTheEnd = (): void => {
  const path = join(bench.folder, 'tapes', barcode, 'map');
  const map = readFileSync(path);
  map.writeUInt8(99, map.length - 2 * mapRecordBytes + 9);
  writeFileSync(path, map);
};

const load = (kind: JobIdentity['kind'], tape: Partial<LoadOrder['tape']> = {}) => {
  const job: JobIdentity = { kind, uid, namespace: 'default', name: 'nightly', processNumber: 7 };
  const holder = { ...job, epoch: 2, stream: 0 };
  const api = makeMemoryApi();
  const drives = [{ name: 'drive-0', elementAddress: 256, holder }];
  api.seed(tapes, {
    metadata: { name: 'the-tape' },
    spec: { library: 'l', barcode, pool: 'p', worm: false, disabled: false },
    status: { holder },
  });
  api.seed(tapeLibraries, {
    metadata: { name: 'l' },
    spec: { driver: { virtual: { folder: bench.folder } }, servers: [], drives: [], disabled: false },
    status: { drives },
  });
  const order: LoadOrder = {
    v: 1,
    role: 'load',
    pod: 'p',
    operatorNamespace: 'twinreel-system',
    server: 's',
    job,
    grant: { stream: 0, epoch: 2 },
    library: { name: 'l', driver: 'virtual' },
    drive: { name: 'drive-0', elementAddress: 256 },
    tape: { name: 'the-tape', barcode, labelId, ...tape },
  };
  const folders = { library: bench.folder };
  const stop = new AbortController().signal;
  return runLoad(order, { folders, api, log: silentLog, stop, note: () => undefined });
};

describe('runLoad', () => {
  it('tells how many groups are closed on the tape', async () => {
    expect((await load('BackupJob')).tape).toMatchObject({ barcode, labelId, groups: 2 });
  });

  it('does not count a group that a crash has torn', async () => {
    withDrive((drive) => {
      drive.spaceToEndOfData();
      begin(drive, headerOf(2)).writeBlock(blockOf('c'));
    });
    expect((await load('BackupJob')).tape).toMatchObject({ groups: 2 });
  });

  it('refuses a tape that has lost groups for a backup, and loads it for a restore', async () => {
    expect((await load('BackupJob', { groups: 2 })).tape).toMatchObject({ groups: 2 });
    await expect(load('BackupJob', { groups: 3 })).rejects.toMatchObject({ reason: 'TapeInconsistent', fault: 'tape' });
    expect((await load('Restore', { groups: 3 })).tape).toMatchObject({ barcode });
  });

  it('loads a tape whose end is damaged for a restore, and not for a backup', async () => {
    damageTheEnd();
    const { tape } = await load('Restore');
    expect(tape).toMatchObject({ barcode, labelId });
    expect(tape).not.toHaveProperty('groups');
    await expect(load('BackupJob')).rejects.toMatchObject({ reason: 'TapeReadError', fault: 'tape' });
  });
});
