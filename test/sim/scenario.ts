/** Hardware and jobs of one simulation, chosen by its seed. */
import type {
  BackupJob,
  BackupServer,
  FCSwitch,
  FcPort,
  MediaPool,
  TapeLibrary,
} from '../../src/api/generated/index.ts';
import { backupServers, fcSwitches, mediaPools, tapeLibraries, tapes } from '../../src/api/resources.ts';
import { nodes } from '../../src/kube/resources.ts';
import type { ApiServer } from './api-server.ts';
import type { Hardware, RealDrive } from './hardware.ts';
import type { Random } from './random.ts';

export interface Scenario {
  readonly servers: number;
  readonly libraries: number;
  readonly drives: number;
  readonly switches: number;
  readonly jobs: readonly BackupJob[];
}

/** [routes, copies, active routes] */
const shapes: readonly (readonly [number, number, number])[] = [
  [2, 2, 2],
  [2, 1, 1],
  [3, 2, 2],
  [3, 1, 1],
  [2, 1, 2],
  [1, 1, 1],
];

const tapesPerLibrary = 4;

export const makeScenario = (random: Random): Scenario => {
  const servers = random.pick([2, 2, 3, 4]);
  const libraries = random.pick([2, 2, 3]);
  const drives = random.pick([1, 2, 2, 3]);
  const switches = random.pick([0, 1, 2, 2]);
  const jobs = Array.from({ length: random.pick([1, 1, 1, 2, 2]) }, (_, index) => makeJob(random, index));
  return { servers, libraries, drives, switches, jobs };
};

const makeJob = (random: Random, index: number): BackupJob => {
  const [routes, copies, activeRoutes] = random.pick(shapes);
  const preferred = 'Preferred' as const;
  return {
    metadata: { namespace: 'default', name: `job-${index}` },
    spec: {
      source: {
        hostPath: { path: `/data/${random.between(1, 4)}`, shared: random.chance(0.7) },
        include: [],
        exclude: [],
        oneFileSystem: true,
      },
      ...{ routes, copies, activeRoutes, minCopies: 1 },
      ...(random.chance(0.3) ? { minRoutes: random.between(1, routes) } : {}),
      mediaPool: 'default',
      disjointness: {
        server: random.chance(0.3) ? 'Required' : preferred,
        library: random.chance(0.2) ? 'Required' : preferred,
        switch: random.chance(0.1) ? 'Required' : preferred,
      },
      whenUnavailable: random.chance(0.15) ? 'Fail' : 'Wait',
      ...(random.chance(0.1) ? { allocationDeadline: '5m' } : {}),
      ...(random.chance(0.05) ? { activeDeadline: '2m' } : {}),
      stallTimeout: '20s',
      maxReplacements: random.pick([4, 4, 4, 1, 0]),
      priority: random.pick([0, 0, 0, 10]),
      retention: {},
      compression: 'None',
      verify: 'None',
      suspend: false,
      cancel: false,
      ...(random.chance(0.05) ? { ttlSecondsAfterFinished: 60 } : {}),
    },
  };
};

const pool = {
  metadata: { name: 'default' },
  spec: { barcodePattern: 'T*', allowedNamespaces: ['*'] },
} as unknown as MediaPool;

const wwpn = (kind: number, index: number, port: number): string => `50:00:00:0${kind}:00:00:0${index}:0${port}`;

const portsOf = (random: Random, switches: number, kind: number, index: number): readonly FcPort[] => {
  if (switches === 0) return [];
  const all = Array.from({ length: switches }, (_, port) => ({
    wwpn: wwpn(kind, index, port),
    switch: `switch-${port}`,
    port: 10 * kind + index,
  }));
  return random.chance(0.7) ? all : [random.pick(all)];
};

/** Writes the objects and builds what they stand for. Some worlds begin before anybody has looked at the hardware. */
export const furnish = (scenario: Scenario, api: ApiServer, hardware: Hardware, random: Random): void => {
  const isKnown = random.chance(0.9);
  const isOneMachine = random.chance(0.5);
  api.create(mediaPools, pool);
  const names = Array.from({ length: scenario.servers }, (_, index) => `server-${index}`);
  for (const [index, name] of names.entries()) {
    const machineID = isOneMachine ? 'machine' : `machine-${index}`;
    furnishServer(api, random, scenario, { name, index, machineID, isKnown });
  }
  for (let index = 0; index < scenario.switches; index += 1) furnishSwitch(api, hardware, random, index, isKnown);
  for (let index = 0; index < scenario.libraries; index += 1) {
    furnishLibrary(api, hardware, random, scenario, { index, servers: names, isKnown });
  }
};

const furnishServer = (
  api: ApiServer,
  random: Random,
  { switches }: Scenario,
  { name, index, machineID, isKnown }: { name: string; index: number; machineID: string; isKnown: boolean },
): void => {
  const bootID = `node-${index}-boot-1`;
  const node = api.create(nodes, { metadata: { name: `node-${index}` } });
  const nodeInfo = { machineID, bootID };
  api.updateStatus(nodes, {
    ...node,
    status: { nodeInfo, conditions: [{ type: 'Ready', status: 'True' }] },
  } as unknown as typeof node);
  const server: BackupServer = api.create(backupServers, {
    metadata: { name },
    spec: {
      node: `node-${index}`,
      ports: [...portsOf(random, switches, 1, index)],
      maxStreams: random.between(1, 2),
      hostPaths: [{ prefix: '/', namespaces: ['*'], readOnly: true }],
    },
  });
  if (!isKnown) return;
  api.updateStatus(backupServers, { ...server, status: { state: 'Usable', machineID, bootID, holders: [] } });
};

const furnishSwitch = (api: ApiServer, hardware: Hardware, random: Random, index: number, isKnown: boolean): void => {
  const name = `switch-${index}`;
  const fcSwitch: FCSwitch = api.create(fcSwitches, {
    metadata: { name },
    spec: {
      driver: 'simulated',
      fabric: `fabric-${index}`,
      disabled: false,
      ...(random.chance(0.3) ? { maxStreams: 3 } : {}),
    },
  });
  hardware.switches.set(name, { name, zones: new Map(), reachable: true });
  if (isKnown) api.updateStatus(fcSwitches, { ...fcSwitch, status: { state: 'Usable', holders: [], zones: [] } });
};

const furnishLibrary = (
  api: ApiServer,
  hardware: Hardware,
  random: Random,
  scenario: Scenario,
  { index, servers, isKnown }: { index: number; servers: string[]; isKnown: boolean },
): void => {
  const name = `library-${index}`;
  const now = '2030-01-01T00:00:00.000Z';
  const drives = Array.from({ length: scenario.drives }, (_, drive) => ({
    name: `drive-${drive}`,
    elementAddress: 256 + drive,
    ports: [...portsOf(random, scenario.switches, 2 + index, drive)],
    disabled: false,
  }));
  const library: TapeLibrary = api.create(tapeLibraries, {
    metadata: { name },
    spec: { driver: { virtual: { folder: `/${name}` } }, servers, drives, disabled: false },
  });
  const real = drives.map((drive): RealDrive => ({
    library: name,
    name: drive.name,
    address: drive.elementAddress,
    loaded: undefined,
    lock: undefined,
    writesUntilError: Infinity,
  }));
  const slots = new Map<number, ReturnType<typeof makeTape> | undefined>();
  for (let slot = 0; slot < tapesPerLibrary; slot += 1) {
    const barcode = `T${index}${String(slot).padStart(3, '0')}L9`;
    slots.set(1_000 + slot, makeTape(random, barcode));
    if (!isKnown) continue;
    const tape = api.create(tapes, {
      metadata: { name: barcode.toLowerCase() },
      spec: { library: name, barcode, pool: 'default', worm: false, disabled: false },
    });
    api.updateStatus(tapes, { ...tape, status: { state: 'Scratch', freeState: 'Scratch', slot: 1_000 + slot } });
  }
  hardware.libraries.set(name, { name, drives: real, slots });
  if (!isKnown) return;
  const found = drives.map((drive) => ({
    name: drive.name,
    elementAddress: drive.elementAddress,
    state: 'Usable' as const,
  }));
  api.updateStatus(tapeLibraries, {
    ...library,
    status: { state: 'Usable', drives: found, lastInventory: now, inventoryPage: `tw-lib-${name}-0` },
  });
};

const makeTape = (random: Random, barcode: string) => ({
  barcode,
  labelId: undefined as string | undefined,
  groups: [],
  capacity: random.chance(0.2) ? random.between(1, 4) : 100,
});
