import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupServer, Holder, Inventory, Tape, TapeLibrary } from '../../../src/api/generated/index.ts';
import { operatorNamespace } from '../../../src/api/names.ts';
import { backupServers, fcSwitches, mediaPools, savePages, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import type { TerminationMessage } from '../../../src/api/worker-order.ts';
import { nextProcessNumber } from '../../../src/controllers/process-number.ts';
import { events, leases, pods } from '../../../src/kube/resources.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { fcSwitch, holder, library, pool, server } from '../../support/hardware-objects.ts';
import { OperatorSite, waitFor, type Operator } from './operator-harness.ts';

let site: OperatorSite;
let operator: Operator;

const bare = <T extends { readonly metadata: { readonly name: string } }>({ metadata, ...rest }: T) => ({
  ...rest,
  metadata: { name: metadata.name },
});

const readServer = (name: string): Promise<BackupServer> => site.api.get(backupServers, { name });
const readLibrary = (): Promise<TapeLibrary> => site.api.get(tapeLibraries, { name: 'library-0' });
const readTape = (name: string): Promise<Tape | undefined> => getIfPresent(site.api, tapes, { name });
/** The note of the Warning that stands on a piece of hardware. */
const warningOn = (kind: string, name: string, reason: string): Promise<string> =>
  waitFor(`${reason} on ${name}`, async () => {
    const { items } = await site.api.list(events, { namespace: 'default' });
    const found = items.find(
      (event) =>
        event.type === 'Warning' &&
        event.reason === reason &&
        event.regarding?.kind === kind &&
        event.regarding.name === name,
    );
    return found === undefined ? undefined : (found.note ?? '');
  });

const statusOf = { type: 'merge', subresource: 'status' } as const;

const serverIn = (name: string, state: string): Promise<BackupServer> =>
  waitFor(`${name} ${state}`, async () => {
    const found = await readServer(name);
    return found.status?.state === state ? found : undefined;
  });

const libraryWhere = (what: string, is: (status: NonNullable<TapeLibrary['status']>) => boolean) =>
  waitFor(what, async () => {
    const { status } = await readLibrary();
    return status !== undefined && is(status) ? status : undefined;
  });

const tapeIn = (name: string, state: string): Promise<Tape> =>
  waitFor(`${name} ${state}`, async () => {
    const found = await readTape(name);
    return found?.status?.state === state ? found : undefined;
  });

const told = (role: TerminationMessage['role'], more: Partial<TerminationMessage> = {}): TerminationMessage => ({
  v: 1,
  role,
  outcome: 'succeeded',
  reason: 'Done',
  message: 'done',
  ...more,
});

const inventory = (changes: Partial<Inventory> = {}): Inventory => ({
  takenAt: new Date().toISOString(),
  complete: true,
  drives: [
    { address: 256, ready: true },
    { address: 257, ready: true },
  ],
  slots: [
    { address: 1024, barcode: 'TW0001L9', full: true, capacityBytes: 1000 },
    { address: 1025, barcode: 'TW0002L9', full: true, blank: true },
    { address: 1026, full: false },
  ],
  ...changes,
});

/** Plays the worker: waits for the pod, fills the page that its order names, ends. */
const takeInventory = async (count: number, found: Inventory): Promise<void> => {
  const name = `tw-lib-library-0-${count}`;
  const pod = await site.waitForPod(name);
  const order: unknown = JSON.parse(
    pod.spec?.containers[0]?.env?.find(({ name }) => name === 'TWINREEL_ORDER')?.value ?? '',
  );
  expect(order).toMatchObject({ role: 'inventory', page: name, library: { name: 'library-0', driver: 'virtual' } });
  await site.api.patch(savePages, { namespace: operatorNamespace, name }, { status: { inventory: found } }, statusOf);
  await site.endPod(name, 0, told('inventory'));
};

const askForInventory = (value: string): Promise<TapeLibrary> =>
  site.api.patch(
    tapeLibraries,
    { name: 'library-0' },
    { metadata: { annotations: { 'twinreel.io/inventory': value } } },
    { type: 'merge' },
  );

beforeAll(async () => {
  site = await OperatorSite.open();
  operator = await site.startOperator();
});
afterAll(() => site.close());

describe('the operator', () => {
  it('is ready once its caches are filled, leads, and tells its metrics', async () => {
    await waitFor('ready', async () => ((await operator.get('/readyz')).status === 200 ? true : undefined));
    expect((await operator.get('/healthz')).status).toBe(200);
    const lines = await waitFor('leading', async () => {
      const { text } = await operator.get('/metrics');
      return text.includes('twinreel_leader{lease="twinreel-system/twinreel-operator"} 1') ? text : undefined;
    });
    expect(lines).toContain('twinreel_listed_objects{resource="tapes"} 0');
    expect(lines).toContain('process_cpu_seconds_total');
  });

  it('refuses a configuration that makes no sense, and says what is wrong', () => {
    const main = join(import.meta.dirname, '../../../src/operator/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [main, '--lease-duration', '1s'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('leaseDuration: retryPeriod < renewDeadline < leaseDuration must hold');
  });
});

describe('a backup server', () => {
  it('is NotUsable without its node, Usable with it, NotUsable when it is not ready', async () => {
    await site.api.create(backupServers, bare(server('server-0')));
    expect((await serverIn('server-0', 'NotUsable')).status).toMatchObject({ reason: 'NodeMissing' });
    await site.reportNode('server-0', 'True');
    expect((await serverIn('server-0', 'Usable')).status).toMatchObject({ machineID: 'machine-1', bootID: 'boot-1' });
    await site.reportNode('server-0', 'False');
    expect((await serverIn('server-0', 'NotUsable')).status).toMatchObject({ reason: 'NodeNotReady' });
    expect(await warningOn('BackupServer', 'server-0', 'NodeNotReady')).not.toBe('');
    await site.reportNode('server-0', 'True', 'boot-2');
    expect((await serverIn('server-0', 'Usable')).status).toMatchObject({ bootID: 'boot-2' });
  });

  it('is freed of a holder whose job does not exist', async () => {
    const orphan: Holder = holder({ name: 'never-was' });
    await site.api.patch(backupServers, { name: 'server-0' }, { status: { holders: [orphan] } }, statusOf);
    const freed = await waitFor('the holder to go', async () => {
      const found = await readServer('server-0');
      return (found.status?.holders ?? []).length === 0 ? found : undefined;
    });
    expect((await serverIn('server-0', 'Usable')).metadata.uid).toBe(freed.metadata.uid);
  });
});

describe('a switch', () => {
  it('is read and mirrored by its driver', async () => {
    await site.api.create(fcSwitches, {
      metadata: { name: 'switch-0' },
      spec: { ...fcSwitch().spec, ports: [{ index: 4, wwpn: '10:00:00:05:1e:0a:00:01' }] },
    });
    const status = await waitFor('switch-0 Usable', async () => {
      const found = await site.api.get(fcSwitches, { name: 'switch-0' });
      return found.status?.state === 'Usable' ? found.status : undefined;
    });
    expect(status.logins).toMatchObject([{ wwpn: '10:00:00:05:1e:0a:00:01', port: 4 }]);
  });

  it('that stops answering is NotUsable, and an Event on it says why', async () => {
    const faults = join(site.folder, 'fabrics', 'fabric-0.faults.yaml');
    writeFileSync(faults, JSON.stringify([{ kind: 'unreachable' }]));
    const lookAgain = { metadata: { annotations: { 'twinreel.io/retry': '1' } } };
    await site.api.patch(fcSwitches, { name: 'switch-0' }, lookAgain, { type: 'merge' });
    expect(await warningOn('FCSwitch', 'switch-0', 'FabricUnreachable')).not.toBe('');
    rmSync(faults);
  });
});

describe('a tape library', () => {
  it('is Unknown until a worker has looked through it; then it is Usable and its tapes are known', async () => {
    await site.api.create(mediaPools, {
      ...bare(pool('default')),
      spec: { barcodePattern: 'TW*', allowedNamespaces: ['*'], worm: false },
    });
    await site.api.create(tapeLibraries, bare(library()));
    const looking = await libraryWhere('an inventory', ({ inventoryPod }) => inventoryPod !== undefined);
    expect(looking).toMatchObject({ state: 'Unknown', drives: [{ state: 'Unknown' }, { state: 'Unknown' }] });
    await takeInventory(1, inventory());
    const usable = await libraryWhere('Usable', ({ state }) => state === 'Usable');
    expect(usable).toMatchObject({ drivesText: '2/2', slots: { total: 3, occupied: 2, free: 1 } });
    expect(usable).not.toHaveProperty('changerHolder');
    const tape = await tapeIn('tw0001l9', 'Usable');
    expect(tape).toMatchObject({
      spec: { library: 'library-0', barcode: 'TW0001L9', pool: 'default' },
      status: { slot: 1024, capacityBytes: 1000, reason: 'NotYetRead', freeState: 'Usable' },
    });
    await waitFor('pod and page to go', async () => {
      const ref = { namespace: operatorNamespace, name: 'tw-lib-library-0-1' };
      const left = [await getIfPresent(site.api, pods, ref), await getIfPresent(site.api, savePages, ref)];
      return left.every((one) => one === undefined) ? true : undefined;
    });
    await waitFor('the pool to count them', async () => {
      const { status } = await site.api.get(mediaPools, { name: 'default' });
      return status?.tapes?.scratch === 1 && status.tapes.usable === 1 ? true : undefined;
    });
  });

  it('is looked through again on request; what left is exported, what moved is known', async () => {
    await askForInventory('1');
    await takeInventory(
      2,
      inventory({ slots: [{ address: 1024 }, { address: 1025 }, { address: 1026, barcode: 'TW0002L9' }] }),
    );
    expect((await tapeIn('tw0001l9', 'Exported')).status).not.toHaveProperty('slot');
    const moved = await waitFor('tw0002l9 in slot 1026', async () => {
      const found = await readTape('tw0002l9');
      return found?.status?.slot === 1026 ? found : undefined;
    });
    expect(moved.status?.state).toBe('Scratch');
  });

  it('has a cartridge put away that sits in a drive which nobody holds', async () => {
    await askForInventory('2');
    const left = { address: 257, ready: true, barcode: 'TW0002L9', homeSlot: 1026 };
    await takeInventory(3, inventory({ drives: [{ address: 256, ready: true }, left], slots: [{ address: 1024 }] }));
    const name = 'tw-lib-library-0-3-unload-257';
    const pod = await site.waitForPod(name);
    const order: unknown = JSON.parse(pod.spec?.containers[0]?.env?.[0]?.value ?? '');
    expect(order).toMatchObject({
      role: 'unload',
      housekeeping: true,
      drive: { name: 'drive-1', elementAddress: 257 },
      tape: { name: 'tw0002l9', barcode: 'TW0002L9', slot: 1026 },
    });
    expect((await readLibrary()).status?.changerHolder).toMatchObject({ pod: name });
    await site.endPod(name, 0, told('unload', { slot: 1026 }));
    const status = await libraryWhere('an empty drive', ({ changerHolder }) => changerHolder === undefined);
    expect(status.drives?.[1]).not.toHaveProperty('loadedTape');
    expect((await tapeIn('tw0002l9', 'Scratch')).status).toMatchObject({ slot: 1026 });
  });

  it('is NotUsable when the inventory fails, with the worker’s reason, and tried again', async () => {
    await askForInventory('3');
    const name = 'tw-lib-library-0-4';
    await site.waitForPod(name);
    const failed = { outcome: 'failed', reason: 'NotReady', fault: 'changer', message: 'the door is open' } as const;
    await site.endPod(name, 23, told('inventory', failed));
    const broken = await libraryWhere('NotUsable', ({ state }) => state === 'NotUsable');
    expect(broken).toMatchObject({ reason: 'NotReady', message: 'the door is open' });
    expect(await warningOn('TapeLibrary', 'library-0', 'NotReady')).toBe('the door is open');
    await takeInventory(5, inventory());
    expect(await libraryWhere('Usable', ({ state }) => state === 'Usable')).toMatchObject({ reason: '' });
    expect((await tapeIn('tw0001l9', 'Usable')).status).toMatchObject({ slot: 1024 });
  });

  it('finds out who holds its drives when its status was lost, before anybody may take them', async () => {
    const { metadata, spec } = await readLibrary();
    await site.api.updateStatus(tapeLibraries, { metadata, spec });
    const rebuilt = await libraryWhere('Unknown drives', ({ drives }) => drives?.length === 2);
    expect(rebuilt).toMatchObject({ state: 'Unknown', drives: [{ state: 'Unknown' }, { state: 'Unknown' }] });
    await takeInventory(1, inventory());
    await libraryWhere('Usable', ({ state }) => state === 'Usable');
  });
});

it('gives process numbers from one counter, none of them twice', async () => {
  const { signal } = new AbortController();
  const given = await Promise.all(
    Array.from({ length: 8 }, () => nextProcessNumber(site.api, operatorNamespace, signal)),
  );
  expect(new Set(given).size).toBe(8);
});

describe('two operators', () => {
  const leads = async (one: Operator): Promise<boolean> =>
    (await one.get('/metrics')).text.includes('twinreel_leader{lease="twinreel-system/twinreel-operator"} 1');

  it('hand over: the standby is ready, leads when the leader is killed, and stops in order', async () => {
    const standby = await site.startOperator();
    await waitFor('ready', async () => ((await standby.get('/readyz')).status === 200 ? true : undefined));
    expect([await leads(operator), await leads(standby)]).toEqual([true, false]);

    operator.signal('SIGKILL');
    await operator.exited;
    await waitFor('the standby to lead', async () => ((await leads(standby)) ? true : undefined));
    await site.reportNode('server-0', 'False');
    await serverIn('server-0', 'NotUsable');

    const askedAt = performance.now();
    standby.signal('SIGTERM');
    expect(await standby.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    const lease = await site.api.get(leases, { namespace: operatorNamespace, name: 'twinreel-operator' });
    expect(lease.spec?.holderIdentity ?? '').toBe('');
  });

  it('ends with an error when its lease is taken away', async () => {
    const alone = await site.startOperator();
    await waitFor('leading', async () => ((await leads(alone)) ? true : undefined));
    const ref = { namespace: operatorNamespace, name: 'twinreel-operator' };
    await site.api.patch(leases, ref, { spec: { holderIdentity: 'somebody else' } }, { type: 'merge' });
    expect(await alone.exited).toBe(1);
  });
});
