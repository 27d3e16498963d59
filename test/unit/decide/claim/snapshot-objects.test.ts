import { describe, expect, it } from 'vitest';
import { labels } from '../../../../src/api/names.ts';
import { classRefusal } from '../../../../src/decide/claim/snapshot-class.ts';
import {
  cloneClaim,
  cloneFacts,
  snapshotFacts,
  snapshotObject,
} from '../../../../src/decide/claim/snapshot-objects.ts';
import type { PersistentVolumeClaim, VolumeSnapshotClass } from '../../../../src/kube/core-types.ts';

const job = { kind: 'BackupJob', uid: 'job-uid', namespace: 'shop', name: 'nightly', processNumber: 7 } as const;
const owner = { apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', name: 'nightly', uid: 'job-uid' };
const made = { name: 'made', job, owner };

const aClass = (name: string, more: Partial<VolumeSnapshotClass> = {}, isDefault = false): VolumeSnapshotClass => ({
  metadata: {
    name,
    ...(isDefault ? { annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } } : {}),
  },
  ...{ driver: 'd', deletionPolicy: 'Delete' },
  ...more,
});

describe('the class of a snapshot', () => {
  it.each<{
    name: string;
    wanted?: string;
    driver?: string;
    classes: readonly VolumeSnapshotClass[] | undefined;
    says?: string;
  }>([
    { name: 'is named and fits', wanted: 'c', driver: 'd', classes: [aClass('c')] },
    { name: 'is the driver’s default', driver: 'd', classes: [aClass('c'), aClass('e', {}, true)] },
    { name: 'is not looked for while the driver is not known', classes: [] },
    {
      name: 'is not served at all',
      wanted: 'c',
      driver: 'd',
      classes: undefined,
      says: 'does not serve snapshot.storage',
    },
    {
      name: 'does not exist',
      wanted: 'x',
      driver: 'd',
      classes: [aClass('c')],
      says: 'VolumeSnapshotClass x does not exist',
    },
    {
      name: 'is of another driver',
      wanted: 'c',
      driver: 'e',
      classes: [aClass('c')],
      says: 'is of driver d, the claim’s volume of e',
    },
    {
      name: 'would leave snapshots behind',
      wanted: 'c',
      driver: 'd',
      classes: [aClass('c', { deletionPolicy: 'Retain' })],
      says: 'name one with deletionPolicy Delete',
    },
    {
      name: 'is the default, and would leave snapshots behind',
      driver: 'd',
      classes: [aClass('c', { deletionPolicy: 'Retain' }, true)],
      says: 'name one with deletionPolicy Delete',
    },
    {
      name: 'has no default',
      driver: 'd',
      classes: [aClass('c'), aClass('e', { driver: 'e' }, true)],
      says: 'driver d has no default',
    },
    {
      name: 'has two defaults',
      driver: 'd',
      classes: [aClass('a', {}, true), aClass('b', {}, true)],
      says: 'several default VolumeSnapshotClasses (a, b)',
    },
  ])('$name', ({ wanted, driver, classes, says }) => {
    const refusal = classRefusal(wanted, driver, classes);
    if (says === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toContain(says);
  });
});

describe('a snapshot', () => {
  it('is the job’s, in its namespace, and goes with it', () => {
    const { metadata, spec } = snapshotObject({ ...made, claim: 'data', className: undefined });
    expect(metadata).toMatchObject({ name: 'made', namespace: 'shop', ownerReferences: [owner] });
    expect(metadata?.labels).toMatchObject({ [labels.snapshot]: 'true', [labels.jobUid]: 'job-uid' });
    expect(spec).toEqual({ source: { persistentVolumeClaimName: 'data' } });
  });

  it('is of the class that the job names', () => {
    expect(snapshotObject({ ...made, claim: 'data', className: 'c' }).spec?.volumeSnapshotClassName).toBe('c');
  });

  it.each([
    { name: 'new', status: undefined, is: { ready: false } },
    { name: 'cut', status: { creationTime: 't', readyToUse: false }, is: { takenAt: 't', ready: false } },
    { name: 'readable', status: { creationTime: 't', readyToUse: true }, is: { takenAt: 't', ready: true } },
    { name: 'failing', status: { error: { message: 'm' } }, is: { error: 'm', ready: false } },
    { name: 'failing for no reason', status: { error: {} }, is: { error: 'its driver gives no reason', ready: false } },
  ])('that is $name is seen so', ({ status, is }) => {
    const seen = snapshotFacts({ metadata: { uid: 'u' }, ...(status === undefined ? {} : { status }) });
    expect(seen).toEqual({ uid: 'u', deleting: false, ...is });
  });
});

describe('a clone', () => {
  const source: PersistentVolumeClaim = {
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } },
    status: { phase: 'Bound', capacity: { storage: '2Gi' } },
  };
  const sizeWith = (restoreSize: string | undefined, from = source): unknown =>
    cloneClaim({
      ...{ ...made, node: 'n0', source: from },
      snapshot: { metadata: { name: 'snap' }, status: restoreSize === undefined ? {} : { restoreSize } },
    }).spec?.resources?.requests?.['storage'];

  it('is filled from the snapshot by the class of the claim, on the node that reads it', () => {
    const { metadata, spec } = cloneClaim({ ...made, node: 'n0', source, snapshot: { metadata: { name: 'snap' } } });
    expect(metadata).toMatchObject({
      annotations: { 'volume.kubernetes.io/selected-node': 'n0' },
      labels: { [labels.snapshot]: 'true' },
      ownerReferences: [owner],
    });
    expect(spec).toMatchObject({
      ...{ accessModes: ['ReadWriteOnce'], storageClassName: 'fast' },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'snap' },
    });
  });

  it.each([
    { name: 'the snapshot is', restoreSize: '3Gi', is: '3Gi' },
    { name: 'the claim is, where the driver does not say', restoreSize: undefined, is: '2Gi' },
    { name: 'the claim is, where the driver says nothing', restoreSize: '0', is: '2Gi' },
  ])('is as large as $name', ({ restoreSize, is }) => {
    expect(sizeWith(restoreSize)).toBe(is);
  });

  it.each([
    { phase: 'Bound', state: 'bound' },
    { phase: 'Lost', state: 'lost' },
    { phase: 'Pending', state: 'pending' },
  ] as const)('that is $phase is $state', ({ phase, state }) => {
    const metadata = { name: 'c', uid: 'u', creationTimestamp: new Date(1_000).toISOString() };
    expect(cloneFacts({ metadata, status: { phase } }, 'why', 3_000)).toEqual({
      ...{ name: 'c', uid: 'u', state, deleting: false, ageMs: 2_000, why: 'why' },
    });
  });
});
