import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupServers, fcSwitches, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { holder } from '../../support/hardware-objects.ts';
import { installRights, reasonOf, untilRefused, type InstalledRights } from './installed-rights.ts';

const held = holder({ name: 'nightly' });
const suffix = randomUUID().slice(0, 8);
const probe = `probe-${suffix}`;
const patch = { type: 'merge', subresource: 'status' } as const;
const library = {
  driver: { virtual: { folder: '/libraries/in-use' } },
  servers: ['server-0'],
  drives: [0, 1].map((number) => ({ name: `drive-${number}`, elementAddress: 256 + number })),
};

let rights: InstalledRights;
let admin: RestApi;

beforeAll(async () => {
  rights = await installRights();
  admin = rights.admin;
  await untilRefused(async () => {
    await makeTape(probe);
    await admin.patch(tapes, { name: probe }, { status: { holder: held } }, patch);
    await admin.delete(tapes, { name: probe });
  });
});
afterAll(async () => {
  await admin.patch(tapes, { name: probe }, { status: { holder: null } }, patch);
  await admin.delete(tapes, { name: probe });
  rights.close();
});

const makeTape = (name: string) =>
  admin.create(
    tapes,
    withDefaults(tapes, { metadata: { name }, spec: { library: 'none', barcode: name.toUpperCase().slice(0, 32) } }),
  );

interface Kind {
  readonly kind: string;
  readonly make: (name: string) => Promise<unknown>;
  readonly status: (name: string, status: object) => Promise<unknown>;
  readonly annotate: (name: string) => Promise<unknown>;
  readonly remove: (name: string) => Promise<unknown>;
  readonly busy: object;
  readonly idle: object;
}

const left = { metadata: { annotations: { 'twinreel.io/abandoned': 'stolen' } } };
const merge = { type: 'merge' } as const;
const [busyDrive, idleDrive] = [
  { name: 'drive-1', elementAddress: 257, state: 'InUse', holder: held },
  { name: 'drive-0', elementAddress: 256, state: 'Usable' },
];

const kinds: readonly Kind[] = [
  {
    kind: 'tape',
    make: (name) => makeTape(name),
    status: (name, status) => admin.patch(tapes, { name }, { status }, patch),
    annotate: (name) => admin.patch(tapes, { name }, left, merge),
    remove: (name) => admin.delete(tapes, { name }),
    ...{ busy: { holder: held }, idle: { holder: null } },
  },
  {
    kind: 'tape library with a drive in use',
    make: (name) => admin.create(tapeLibraries, withDefaults(tapeLibraries, { metadata: { name }, spec: library })),
    status: (name, status) => admin.patch(tapeLibraries, { name }, { status }, patch),
    annotate: (name) => admin.patch(tapeLibraries, { name }, left, merge),
    remove: (name) => admin.delete(tapeLibraries, { name }),
    ...{ busy: { drives: [idleDrive, busyDrive] }, idle: { drives: [idleDrive] } },
  },
  {
    kind: 'server',
    make: (name) =>
      admin.create(backupServers, withDefaults(backupServers, { metadata: { name }, spec: { node: name } })),
    status: (name, status) => admin.patch(backupServers, { name }, { status }, patch),
    annotate: (name) => admin.patch(backupServers, { name }, left, merge),
    remove: (name) => admin.delete(backupServers, { name }),
    ...{ busy: { holders: [held] }, idle: { holders: [] } },
  },
  {
    kind: 'switch',
    make: (name) =>
      admin.create(
        fcSwitches,
        withDefaults(fcSwitches, { metadata: { name }, spec: { driver: 'simulated', fabric: 'a' } }),
      ),
    status: (name, status) => admin.patch(fcSwitches, { name }, { status }, patch),
    annotate: (name) => admin.patch(fcSwitches, { name }, left, merge),
    remove: (name) => admin.delete(fcSwitches, { name }),
    ...{ busy: { holders: [held] }, idle: { holders: [] } },
  },
];

describe.each(kinds)('a $kind that a job holds', (kind) => {
  it('is not deleted until it is free', async () => {
    const name = `in-use-${suffix}`;
    await kind.make(name);
    await kind.status(name, kind.busy);
    expect(await reasonOf(kind.remove(name))).toContain('BackupJob default/nightly holds it; drain it first');
    await kind.status(name, kind.idle);
    expect(await reasonOf(kind.remove(name))).toBe('');
  });

  it('is deleted when its owner says that it is gone for good', async () => {
    const name = `gone-${suffix}`;
    await kind.make(name);
    await kind.status(name, kind.busy);
    await kind.annotate(name);
    expect(await reasonOf(kind.remove(name))).toBe('');
  });
});
