import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { operatorNamespace, pageName, planPodName, streamPodName } from '../../../src/api/names.ts';
import { savePages } from '../../../src/api/resources.ts';
import type { InventoryOrder, UnloadOrder } from '../../../src/api/worker-order.ts';
import { foldersOf, loadAndPlan } from './prepared.ts';
import {
  driveAddress,
  firstSlot,
  hold,
  loadOrder,
  makeStage,
  patchHead,
  planOrder,
  readHead,
  type Stage,
} from './stage.ts';
import { runWorker, startWorker } from './worker-process.ts';

const MiB = 2 ** 20;

const run = (stage: Stage, order: Parameters<typeof runWorker>[0]) =>
  runWorker(order, stage.kubeconfig, foldersOf(stage));

const unloadOrder = (stage: Stage, epoch: number): UnloadOrder => {
  const { newLabelId: _newLabelId, ...order } = loadOrder(stage, epoch);
  return { ...order, role: 'unload', pod: `${streamPodName(stage.job.uid, 0, epoch)}-unload` };
};

const whereIsTheTape = async (stage: Stage): Promise<number | undefined> => {
  const { drives, slots } = await stage.library.changer.inventory();
  return [...drives, ...slots].find(({ barcode }) => barcode === stage.barcode)?.address;
};

describe('inventory', () => {
  test('tells what lies where in the page that the order names', async () => {
    const stage = await makeStage();
    const page = `inventory-${stage.libraryName}`;
    const order: InventoryOrder = {
      v: 1,
      role: 'inventory',
      pod: 'tw-inventory',
      operatorNamespace,
      server: 'server-0',
      library: { name: stage.libraryName, driver: 'virtual' },
      page,
    };
    const spec = { type: 'Inventory', page: 0, pod: order.pod, library: stage.libraryName } as const;
    await stage.api.create(savePages, { metadata: { name: page, namespace: operatorNamespace }, spec });
    expect(await run(stage, order)).toMatchObject({ code: 0, message: { outcome: 'succeeded' } });
    const { status } = await stage.api.get(savePages, { namespace: operatorNamespace, name: page });
    expect(status?.inventory).toMatchObject({ complete: true, drives: [{ address: driveAddress, loaded: false }, {}] });
    const slot = { address: firstSlot, full: true, barcode: stage.barcode, usedBytes: 0 };
    expect(status?.inventory?.slots?.[0]).toMatchObject(slot);
    // The robot sees the drives; whether they answer it can't say.
    expect(status?.inventory?.drives?.[0]).not.toHaveProperty('ready');
  });
});

describe('load', () => {
  test('brings the tape into the drive, labels a blank one, and may be done again', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 1);
    for (let time = 0; time < 2; time += 1) {
      const { code, message } = await run(stage, loadOrder(stage, 1));
      expect(code).toBe(0);
      expect(message?.tape).toMatchObject({ barcode: stage.barcode, labelId: stage.labelId, groups: 0 });
    }
    expect(await whereIsTheTape(stage)).toBe(driveAddress);
  });

  test('touches nothing when an older epoch asks for it', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 2);
    expect(await run(stage, loadOrder(stage, 1))).toMatchObject({ code: 2, message: { reason: 'NotTheHolder' } });
    expect(await whereIsTheTape(stage)).toBe(firstSlot);
  });

  test('refuses a tape with another label than the recorded one', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 1);
    await run(stage, loadOrder(stage, 1));
    const order = loadOrder(stage, 1);
    const other = { ...order, tape: { ...order.tape, labelId: 'f'.repeat(32) } };
    expect(await run(stage, other)).toMatchObject({
      code: 21,
      message: { reason: 'TapeLabelMismatch', fault: 'tape' },
    });
  });

  test('refuses a tape with foreign data, and leaves it as it is', async () => {
    const stage = await makeStage();
    await stage.library.changer.move(firstSlot, driveAddress);
    const drive = stage.library.openDrive(0);
    drive.write(Buffer.from('somebody else was here'));
    drive.writeFilemarks(1, { immediate: false });
    drive.close();
    await hold(stage, stage.job, 1);
    expect(await run(stage, loadOrder(stage, 1))).toMatchObject({ code: 21, message: { reason: 'TapeForeign' } });
    const again = stage.library.openDrive(0);
    expect(again.read(Buffer.alloc(100))).toMatchObject({ kind: 'block', bytes: 22 });
    again.close();
  });

  test('labels nothing for a restore', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 1);
    const { newLabelId: _newLabelId, ...order } = loadOrder(stage, 1);
    expect(await run(stage, order)).toMatchObject({ code: 21, message: { reason: 'TapeBlank' } });
  });
});

describe('unload', () => {
  test('puts the tape into its slot, and is done already when the drive is empty', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 1);
    await run(stage, loadOrder(stage, 1));
    for (let time = 0; time < 2; time += 1)
      expect(await run(stage, unloadOrder(stage, 1))).toMatchObject({ code: 0, message: { slot: firstSlot } });
    expect(await whereIsTheTape(stage)).toBe(firstSlot);
  });

  test('fails while somebody uses the drive', async () => {
    const stage = await makeStage();
    await hold(stage, stage.job, 1);
    await run(stage, loadOrder(stage, 1));
    const drive = stage.library.openDrive(0);
    expect(await run(stage, unloadOrder(stage, 1))).toMatchObject({
      code: 23,
      message: { reason: 'DriveLocked', fault: 'changer' },
    });
    drive.close();
    expect(await whereIsTheTape(stage)).toBe(driveAddress);
  });
});

describe('plan', () => {
  const boundariesOf = async (stage: Stage) => {
    const { plan } = await readHead(stage, stage.planRecord);
    const found = [];
    for (let n = 0; n < (plan?.pages ?? 0); n += 1) {
      const ref = { namespace: operatorNamespace, name: pageName(stage.planRecord, n) };
      found.push(...((await stage.api.get(savePages, ref)).status?.boundaries ?? []));
    }
    return found;
  };

  test('that is killed goes on at its last boundary: what was cut never moves', async () => {
    const stage = await makeStage();
    for (let i = 0; i < 40; i += 1) {
      mkdirSync(join(stage.source, `folder-${i}`));
      for (let j = 0; j < 250; j += 1) writeFileSync(join(stage.source, `folder-${i}`, `${j}`), 'x');
    }
    await patchHead(stage, stage.planRecord, { pod: planPodName(stage.job.uid, 1), epoch: 1 });
    const order = planOrder(stage, 24 * 1024);
    const worker = startWorker(order, stage.kubeconfig, foldersOf(stage));
    const until = Date.now() + 30_000;
    while (((await readHead(stage, stage.planRecord)).plan?.segments ?? 0) === 0 && Date.now() < until);
    worker.kill('SIGKILL');
    await worker.ended;
    const before = await boundariesOf(stage);

    await patchHead(stage, stage.planRecord, { pod: planPodName(stage.job.uid, 2), epoch: 2 });
    const next = { ...order, pod: planPodName(stage.job.uid, 2) };
    expect(await run(stage, next)).toMatchObject({ code: 0 });
    const after = await boundariesOf(stage);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.map(({ number }) => number)).toEqual(after.map((_, n) => n));
    expect(after.length).toBeGreaterThan(256);
    const { plan } = await readHead(stage, stage.planRecord);
    expect(plan).toMatchObject({ complete: true, segments: after.length, linksSegment: after.length, files: 10_000 });
    const again = { ...order, pod: planPodName(stage.job.uid, 2) };
    expect(await run(stage, again)).toMatchObject({ code: 0, message: { message: 'The plan is complete already.' } });
  });

  test('stops when its head belongs to another planner', async () => {
    const stage = await makeStage();
    await patchHead(stage, stage.planRecord, { pod: 'tw-other', epoch: 1 });
    expect(await run(stage, planOrder(stage, MiB))).toMatchObject({ code: 143, message: { reason: 'ForeignPod' } });
  });

  test('names a source that is not there', async () => {
    const stage = await makeStage();
    const folders = { ...foldersOf(stage), source: join(stage.folder, 'nowhere') };
    const end = await runWorker(planOrder(stage, MiB), stage.kubeconfig, folders);
    expect(end).toMatchObject({ code: 10, message: { reason: 'SourceNotReadable', fault: 'source' } });
  });

  test('follows no link out of what the owner of the hardware allows', async () => {
    const stage = await makeStage();
    symlinkSync('/etc', join(stage.source, 'x'));
    const order = { ...planOrder(stage, MiB), sourceFolder: { prefix: '/srv/team-a', beneath: 'x' } };
    const end = await run(stage, order);
    expect(end).toMatchObject({ code: 10, message: { reason: 'SourceNotReachable', fault: 'source' } });
    expect(end.message?.message).toContain('/srv/team-a/x is a symbolic link');
  });

  test('cuts one segment for an empty source', async () => {
    const stage = await makeStage();
    expect(await loadAndPlan(stage, MiB)).toBe(1);
    expect((await boundariesOf(stage))[0]).toMatchObject({ number: 0, path: '', offset: 0, entries: 1 });
  });
});
