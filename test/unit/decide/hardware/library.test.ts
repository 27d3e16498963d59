import { describe, expect, it } from 'vitest';
import type { SavePage, TapeLibrary } from '../../../../src/api/generated/index.ts';
import { decideLibrary, type SeenLibrary } from '../../../../src/decide/hardware/library.ts';
import type { PodFacts } from '../../../../src/decide/grant/pod-facts.ts';
import { withHardwareReady } from '../../../../src/decide/ready.ts';
import { holder, library, server, tape } from '../../../support/hardware-objects.ts';

const now = Date.UTC(2030, 0, 1);
const ago = (ms: number): string => new Date(now - ms).toISOString();
const drives = [
  { name: 'drive-0', elementAddress: 256, state: 'Usable' as const },
  { name: 'drive-1', elementAddress: 257, state: 'Usable' as const },
];
const usable = { state: 'Usable', drives, lastInventory: ago(3_600_000), inventoryPage: 'tw-lib-library-0-4' } as const;
const task = {
  changerHolder: { pod: 'tw-lib-library-0-5', since: ago(1_000) },
  inventoryPod: 'tw-lib-library-0-5',
  inventoryPage: 'tw-lib-library-0-5',
};

const seen = (status: TapeLibrary['status'], changes: Partial<SeenLibrary> = {}): SeenLibrary => ({
  // What it says of itself has been told.
  library: library(status?.state === undefined ? status : withHardwareReady(status, 1, ago(1_000))),
  servers: [
    server('server-0', { state: 'Usable' }),
    server('server-1', { state: 'InUse' }),
    server('server-2', { state: 'Usable' }),
  ],
  tapes: [],
  robotPods: [],
  page: undefined,
  failures: 0,
  lastFailureMs: 0,
  patience: { startMs: 60_000, runMs: 600_000 },
  ...changes,
});

const pod = (changes: Partial<PodFacts> = {}): PodFacts => ({
  name: 'tw-lib-library-0-5',
  uid: 'pod-uid',
  node: 'server-0',
  state: 'ended',
  deleting: false,
  fenced: false,
  ageMs: 5_000,
  exit: { code: 0, reason: 'Completed' },
  ...changes,
});

const withAnnotation = (status: TapeLibrary['status'], key: string, value: string): SeenLibrary => {
  const look = seen(status);
  const metadata = { ...look.library.metadata, annotations: { [key]: value } };
  return { ...look, library: { ...look.library, metadata } };
};

describe('a library without a status', () => {
  it('first finds out who holds its drives', () => {
    expect(decideLibrary(seen(undefined), now)).toEqual({ kind: 'rebuild' });
  });

  it('does so again for a drive that is new', () => {
    expect(decideLibrary(seen({ ...usable, drives: drives.slice(0, 1) }), now)).toEqual({ kind: 'rebuild' });
  });
});

it('to be asked to try again makes Unknown what is NotUsable, unless somebody holds it', () => {
  const offline = { state: 'NotUsable', reason: 'DriveOffline' } as const;
  const broken = [
    { ...drives[0], name: 'drive-0', ...offline },
    { ...drives[1], name: 'drive-1', ...offline, holder: holder() },
  ];
  const step = decideLibrary(withAnnotation({ ...usable, drives: broken }, 'twinreel.io/retry', 'now'), now);
  expect(step).toMatchObject({
    kind: 'write',
    status: { drives: [{ state: 'Unknown', reason: 'RetryRequested' }, { state: 'NotUsable' }] },
  });
});

describe('an inventory is begun', () => {
  const begins = {
    kind: 'write',
    status: { changerHolder: { pod: 'tw-lib-library-0-5' }, inventoryPage: 'tw-lib-library-0-5' },
  };

  it('for a library that was never looked through', () => {
    const step = decideLibrary(seen({ state: 'Unknown', drives }), now);
    expect(step).toMatchObject({ kind: 'write', status: { inventoryPod: 'tw-lib-library-0-1', state: 'Unknown' } });
  });

  it.each([
    { name: 'when the library is NotUsable', look: seen({ ...usable, state: 'NotUsable' }) },
    { name: 'when the annotation has a new value', look: withAnnotation(usable, 'twinreel.io/inventory', 'now') },
    { name: 'when somebody asks to try again', look: withAnnotation(usable, 'twinreel.io/retry', 'now') },
    {
      name: 'when a drive is Unknown',
      look: seen({ ...usable, drives: [{ name: 'drive-0', state: 'Unknown' }, ...drives.slice(1)] }),
    },
    {
      name: 'when a drive has been NotUsable for long enough',
      look: seen({
        ...usable,
        drives: [{ name: 'drive-0', state: 'NotUsable', stateSince: ago(60_000) }, ...drives.slice(1)],
      }),
    },
    { name: 'when a tape of it is Unknown', look: seen(usable, { tapes: [tape('tape-0', { state: 'Unknown' })] }) },
  ])('$name', ({ look }) => {
    expect(decideLibrary(look, now)).toMatchObject(begins);
  });

  it('noting which request it answers', () => {
    const step = decideLibrary(withAnnotation(usable, 'twinreel.io/inventory', 'now'), now);
    expect(step).toMatchObject({ status: { inventoryRequest: 'now' } });
  });
});

describe('an inventory is not begun', () => {
  it.each([
    { name: 'when all is well', look: seen(usable) },
    {
      name: 'for a request that was answered',
      look: withAnnotation({ ...usable, inventoryRequest: 'now' }, 'twinreel.io/inventory', 'now'),
    },
    {
      name: 'for a NotUsable drive that somebody holds',
      look: seen({
        ...usable,
        drives: [{ name: 'drive-0', state: 'NotUsable', holder: holder() }, ...drives.slice(1)],
      }),
    },
  ])('$name', ({ look }) => {
    expect(decideLibrary(look, now)).toEqual({ kind: 'wait' });
  });

  it('while a load or unload moves the robot', () => {
    const look = seen(
      { ...usable, state: 'NotUsable' },
      { robotPods: [pod({ name: 'tw-1a2b3c4d-s1-e3-load', state: 'running' })] },
    );
    expect(decideLibrary(look, now)).toMatchObject({ kind: 'wait', retryMs: 5_000 });
  });

  it('before a failure was long enough ago', () => {
    const look = seen({ ...usable, state: 'NotUsable' }, { failures: 3, lastFailureMs: now - 1_000 });
    expect(decideLibrary(look, now)).toEqual({ kind: 'wait', retryMs: 19_000 });
  });

  it('without a server that may move the robot; then the state says so', () => {
    const servers = [
      server('server-0', { state: 'NotUsable' }),
      server('server-1', { state: 'Usable' }, { libraries: [{ name: 'library-0', changer: false }] }),
    ];
    const step = decideLibrary(seen({ state: 'Unknown', drives }, { servers }), now);
    expect(step).toMatchObject({ kind: 'write', status: { state: 'Unknown', reason: 'NoUsableServer' } });
  });
});

describe('a begun inventory', () => {
  const page: SavePage = {
    metadata: { name: 'tw-lib-library-0-5' },
    spec: { type: 'Inventory', page: 0 },
    status: { inventory: { complete: true, drives: [], slots: [] } },
  };
  const status = { ...usable, ...task };

  it('gets its pod, also after a crash between the two', () => {
    expect(decideLibrary(seen(status), now)).toMatchObject({
      kind: 'launchInventory',
      pod: 'tw-lib-library-0-5',
      page: 'tw-lib-library-0-5',
      server: { metadata: { name: 'server-0' } },
    });
  });

  it('tries another server after a failure', () => {
    expect(decideLibrary(seen(status, { failures: 1 }), now)).toMatchObject({
      kind: 'launchInventory',
      server: { metadata: { name: 'server-1' } },
    });
  });

  it('is waited for', () => {
    expect(decideLibrary(seen(status, { robotPods: [pod({ state: 'running' })] }), now)).toEqual({
      kind: 'wait',
      retryMs: 595_000,
    });
  });

  it('is taken over once it is whole', () => {
    expect(decideLibrary(seen(status, { robotPods: [pod()], page }), now)).toMatchObject({ kind: 'apply', page });
  });

  it('that failed makes the library NotUsable, with the worker’s reason', () => {
    const message = {
      v: 1,
      role: 'inventory',
      outcome: 'failed',
      reason: 'NotReady',
      message: 'the robot is busy',
    } as const;
    const failed = pod({ exit: { code: 23, reason: 'Error', message } });
    const step = decideLibrary(seen(status, { robotPods: [failed], page }), now);
    expect(step).toMatchObject({
      kind: 'fail',
      status: { state: 'NotUsable', reason: 'NotReady', message: 'the robot is busy' },
    });
    expect(step).not.toHaveProperty('status.changerHolder');
  });

  it('that left no whole page failed', () => {
    const half = { ...page, status: { inventory: { complete: false, error: 'slot 3 hides' } } };
    const step = decideLibrary(seen(status, { robotPods: [pod()], page: half }), now);
    expect(step).toMatchObject({ kind: 'fail', reason: 'InventoryIncomplete', message: 'slot 3 hides' });
  });

  it('whose pod does not start is deleted, and given up when that does not help', () => {
    const stuck = pod({ state: 'waiting', ageMs: 61_000, waitingReason: 'ImagePullBackOff' });
    expect(decideLibrary(seen(status, { robotPods: [stuck] }), now)).toMatchObject({
      kind: 'deletePod',
      pod: 'tw-lib-library-0-5',
    });
    const overdue = (overdueMs: number): PodFacts => ({ ...stuck, deleting: true, overdueMs });
    const early = decideLibrary(seen(status, { robotPods: [overdue(20_000)] }), now);
    expect(early).toEqual({ kind: 'wait', retryMs: 40_000 });
    const step = decideLibrary(seen(status, { robotPods: [overdue(60_000)] }), now);
    expect(step).toMatchObject({ kind: 'fail', reason: 'PodGone', force: true });
  });

  it('that takes too long is told to end, and never given up while it may still move the robot', () => {
    const long = pod({ state: 'running', ageMs: 3_600_000 });
    expect(decideLibrary(seen(status, { robotPods: [long] }), now)).toMatchObject({ kind: 'deletePod' });
    const overdue: PodFacts = { ...long, deleting: true, overdueMs: 3_600_000 };
    expect(decideLibrary(seen(status, { robotPods: [overdue] }), now)).toEqual({ kind: 'wait', retryMs: 60_000 });
    const elsewhere = { ...overdue, node: 'gone' };
    const step = decideLibrary(seen(status, { robotPods: [elsewhere] }), now);
    expect(step).toMatchObject({ kind: 'fail', reason: 'PodGone', force: true });
  });
});

describe('a cartridge in a drive that nobody holds', () => {
  const loaded = { name: 'drive-1', elementAddress: 257, state: 'Usable', loadedTape: 'TAPE-0' } as const;
  const status = { ...usable, drives: [...drives.slice(0, 1), loaded] };
  const unloading = { ...status, changerHolder: { pod: 'tw-lib-library-0-4-unload-257', since: ago(0) } };

  it('is put away', () => {
    const step = decideLibrary(seen(status), now);
    expect(step).toMatchObject({ kind: 'write', status: { changerHolder: { pod: 'tw-lib-library-0-4-unload-257' } } });
    expect(decideLibrary(seen(unloading), now)).toMatchObject({ kind: 'launchUnload', drive: { name: 'drive-1' } });
  });

  it('is left where it is while somebody holds the drive', () => {
    const held = { ...loaded, state: 'InUse', holder: holder() } as const;
    expect(decideLibrary(seen({ ...usable, drives: [...drives.slice(0, 1), held] }), now)).toEqual({ kind: 'wait' });
  });

  it('is away when the pod says so', () => {
    const message = { v: 1, role: 'unload', outcome: 'succeeded', reason: 'Done', message: '', slot: 1024 } as const;
    const ended = pod({ name: 'tw-lib-library-0-4-unload-257', exit: { code: 0, reason: '', message } });
    expect(decideLibrary(seen(unloading, { robotPods: [ended] }), now)).toMatchObject({
      kind: 'noteUnloaded',
      slot: 1024,
    });
  });

  it('that cannot be moved takes the drive, and it alone, out of service', () => {
    const ended = pod({ name: 'tw-lib-library-0-4-unload-257', exit: { code: 23, reason: 'Error' } });
    const step = decideLibrary(seen(unloading, { robotPods: [ended] }), now);
    expect(step).toMatchObject({
      kind: 'fail',
      status: { state: 'Usable', drivesText: '1/2', drives: [{ state: 'Usable' }, { state: 'NotUsable', errors: 1 }] },
    });
  });
});

it('does not look through a library that is disabled', () => {
  const look = seen({ ...usable, state: 'Unknown' });
  const step = decideLibrary({ ...look, library: library({ ...usable, state: 'Unknown' }, { disabled: true }) }, now);
  expect(step).toMatchObject({ kind: 'write', status: { state: 'NotUsable', reason: 'Disabled' } });
});
