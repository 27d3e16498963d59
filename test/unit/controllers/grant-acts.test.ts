import { afterEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/api/generated/index.ts';
import { tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { actOnGrant, type ActContext, type GrantStep } from '../../../src/controllers/grant-acts.ts';
import { makeControllerBench, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, holder, library, tape, uid } from '../../support/hardware-objects.ts';

let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

/** The tape and the drive's errors after these steps on a blank tape that the grant holds. */
const after = async (...steps: readonly GrantStep[]) => {
  bench = await makeControllerBench();
  const { memory, deps } = bench;
  memory.seed(tapes, tape('tape-0', { state: 'InUse', freeState: 'Scratch', slot: 4, holder: holder() }));
  memory.seed(
    tapeLibraries,
    library({ state: 'Usable', drives: [{ name: 'drive-0', state: 'InUse', holder: holder() }] }),
  );
  await bench.settle();
  const job = { kind: 'BackupJob' as const, uid, namespace: 'default', name: 'job', processNumber: 7 };
  const context: ActContext = { deps, job, labelsBlankTapes: true, signal: new AbortController().signal };
  for (const step of steps) await actOnGrant(context, step);
  const drive = memory.read(tapeLibraries, { name: 'library-0' })?.status?.drives?.[0];
  const now = new Date(bench.clock.now()).toISOString();
  return { tape: memory.read(tapes, { name: 'tape-0' })?.status, drive, errors: drive?.errors ?? 0, now };
};

const lost = (
  reason: string,
  domain: 'drive' | 'tape' | 'source',
  loaded: boolean,
): readonly [Grant, GrantStep, GrantStep] => {
  const before = grant(loaded ? { loaded } : {});
  const fault = { reason, message: 'as told', domain, lostBytes: 0 };
  const held: Grant = { ...before, state: 'Releasing', outcome: 'Failed', fault: domain, reason };
  return [held, { kind: 'noteFault', grant: before, fault }, { kind: 'noteUnloaded', grant: held, slot: 4 }];
};

describe('a drive that goes offline', () => {
  const [held, fault] = lost('DriveOffline', 'drive', true);

  it('is NotUsable from then on', async () => {
    const { drive, now } = await after(fault);
    expect(drive).toMatchObject({ state: 'NotUsable', reason: 'DriveOffline', stateSince: now });
  });

  it.each<readonly [string, readonly GrantStep[]]>([
    ['its worker was not proven to be gone', [{ kind: 'suspectFence', grant: held }]],
    ['its tape could not be unloaded', [{ kind: 'park', grant: held, reason: 'NotUnloaded', message: '' }]],
  ])('stays so, and for that reason, though %s', async (_name, steps) => {
    const { drive } = await after(fault, ...steps, { kind: 'free', grant: held });
    expect(drive).toMatchObject({ state: 'NotUsable', reason: 'DriveOffline' });
    expect(drive).not.toHaveProperty('holder');
  });
});

it('a drive whose fence is not proven is NotUsable until it is', async () => {
  const suspected = await after({ kind: 'suspectFence', grant: grant() });
  expect(suspected.drive).toMatchObject({ reason: 'FencingUnconfirmed', stateSince: suspected.now });
  const proven = await after({ kind: 'suspectFence', grant: grant() }, { kind: 'free', grant: grant() });
  expect(proven.drive).toMatchObject({ state: 'Usable' });
});

describe('a blank tape', () => {
  it.each([
    ['stays one when its load failed in the drive', 'DriveNotReady', 'drive', false, 'Scratch'],
    ['stays one when its load hung', 'Stalled', 'drive', false, 'Scratch'],
    ['is full for writing once a write on it failed', 'TapeWriteError', 'tape', true, 'Full'],
    ['is full for writing once the drive failed while it was written', 'Stalled', 'drive', true, 'Full'],
  ] as const)('%s', async (_name, reason, domain, loaded, expected) => {
    const [, fault, unloaded] = lost(reason, domain, loaded);
    const found = await after(fault, unloaded);
    expect(found.tape?.freeState).toBe(expected);
    expect(found.errors).toBe(1);
  });

  it.each([
    ['TapeFull', 'tape'],
    ['SegmentTooLarge', 'source'],
  ] as const)('is full, and says why, but has failed in nothing after %s', async (reason, domain) => {
    const [, fault, unloaded] = lost(reason, domain, true);
    const found = await after(fault, unloaded);
    expect(found.tape).toMatchObject({ freeState: 'Full', reason, message: 'as told' });
    expect(found.tape).not.toHaveProperty('errors');
    expect(found.errors).toBe(0);
  });

  it('has no part in it when its drive goes offline', async () => {
    const [, fault] = lost('DriveOffline', 'drive', true);
    const found = await after(fault);
    expect(found.errors).toBe(1);
    for (const blamed of ['errors', 'reason', 'message']) expect(found.tape).not.toHaveProperty(blamed);
    // Where it stopped is not known all the same.
    expect(found.tape).toMatchObject({ state: 'InUse', freeState: 'Full' });
  });

  it('that is not in the library is Unknown until an inventory finds it; nothing failed', async () => {
    const [held, fault] = lost('TapeNotFound', 'tape', false);
    const found = await after(fault, { kind: 'noteUnloaded', grant: held }, { kind: 'free', grant: held });
    expect(found.tape).toMatchObject({ state: 'Unknown', reason: 'TapeNotFound', freeState: 'Scratch' });
    expect(found.tape).not.toHaveProperty('slot');
    expect(found.tape).not.toHaveProperty('holder');
    expect(found.errors).toBe(0);
  });
});
