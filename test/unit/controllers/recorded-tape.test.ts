import { afterEach, describe, expect, it } from 'vitest';
import type { Tape } from '../../../src/api/generated/index.ts';
import { backupServers, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import type { TapeFacts } from '../../../src/api/worker-order.ts';
import { actOnGrant, type ActContext, type GrantStep } from '../../../src/controllers/grant-acts.ts';
import { pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, holder, library, server, tape, uid } from '../../support/hardware-objects.ts';

let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const labelId = 'ab'.repeat(16);
const held = grant({ barcode: 'TW0001L9', driveElement: 256 });

const act = async (status: Tape['status'], step: GrantStep): Promise<ControllerBench> => {
  bench = await makeControllerBench();
  const { memory, deps } = bench;
  memory.seed(backupServers, server());
  const drives = [{ name: 'drive-0', state: 'InUse' as const, holder: holder() }];
  memory.seed(tapeLibraries, library({ state: 'Usable', drives }));
  memory.seed(tapes, tape('tape-0', { ...status, state: 'InUse', holder: holder() }));
  await bench.settle();
  const job = { kind: 'BackupJob', uid, namespace: 'default', name: 'job', processNumber: 7 } as const;
  const context: ActContext = { deps, job, labelsBlankTapes: true, signal: new AbortController().signal };
  await actOnGrant(context, step);
  return bench;
};

const noteLoaded = async (status: Tape['status'], facts: TapeFacts): Promise<Tape['status']> => {
  const { memory } = await act(status, { kind: 'noteLoaded', grant: held, facts });
  return memory.read(tapes, { name: 'tape-0' })?.status;
};

describe('what a load tells of its tape', () => {
  const table: readonly { name: string; before: Tape['status']; told: Partial<TapeFacts>; groups: unknown }[] = [
    { name: 'more groups than were known', before: { labelId, groups: 3 }, told: { groups: 5 }, groups: 5 },
    { name: 'fewer, which are not taken', before: { labelId, groups: 3 }, told: { groups: 2 }, groups: 3 },
    { name: 'no number, as a restore does', before: { labelId, groups: 3 }, told: {}, groups: 3 },
    { name: 'the groups of a tape that was just labelled', before: {}, told: { groups: 0 }, groups: 0 },
    {
      name: 'those under a new label, which begin anew',
      before: { labelId: 'cd'.repeat(16), groups: 3 },
      told: { groups: 0 },
      groups: 0,
    },
  ];
  it.each(table)('$name', async ({ before, told, groups }) => {
    expect((await noteLoaded(before, { barcode: 'TW0001L9', labelId, ...told }))?.groups).toBe(groups);
  });
});

describe('the order of a load', () => {
  const orderFor = async (status: Tape['status']): Promise<string> => {
    const { memory } = await act(status, { kind: 'launchLoad', grant: held });
    const pod = (await memory.list(pods, { namespace })).items[0];
    return JSON.stringify(pod?.spec?.containers?.[0]?.env?.find(({ name }) => name === 'TWINREEL_ORDER')?.value ?? '');
  };

  it('says how many groups are recorded', async () => {
    expect(await orderFor({ labelId, groups: 3 })).toContain('\\"groups\\":3');
  });

  it('says nothing of groups where none are known', async () => {
    expect(await orderFor({ labelId })).not.toContain('groups');
  });
});
