import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exponentialMs, jittered } from '../../../src/kube/backoff.ts';
import { realClock, sleep } from '../../../src/kube/clock.ts';
import { jsonEqual } from '../../../src/kube/json-equal.ts';
import { keyOf, keyOfRef, refOfKey } from '../../../src/kube/key.ts';
import { toController, toLabelled } from '../../../src/kube/mapping.ts';
import { microTime } from '../../../src/kube/micro-time.ts';
import { collectionPath, objectPath } from '../../../src/kube/resource-path.ts';
import { compareResourceVersions } from '../../../src/kube/resource-version.ts';
import { leases, nodes, pods } from '../../../src/kube/resources.ts';
import { makeTokenBucket } from '../../../src/kube/token-bucket.ts';
import { makeManualClock } from '../../manual-clock.ts';

describe('keys', () => {
  test('lead back to the reference they were made of', () => {
    for (const ref of [{ namespace: 'ns', name: 'a' }, { name: 'a' }]) expect(refOfKey(keyOfRef(ref))).toEqual(ref);
  });

  test('are not made of objects without a name', () => {
    expect(() => keyOf({ metadata: { namespace: 'ns' } })).toThrow(TypeError);
  });
});

describe('resource versions', () => {
  test('compare as the integers they are, of any length', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 30n), fc.bigInt(1n, 10n ** 30n), (a, b) => {
        expect(compareResourceVersions(`${a}`, `${b}`)).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test('that are no positive integers do not compare', () => {
    for (const odd of ['', '0', '01', 'abc', '-1', undefined])
      expect(compareResourceVersions(odd, '5')).toBeUndefined();
  });
});

describe('JSON equality', () => {
  test('holds for what JSON writes alike, and only for that', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(jsonEqual(a, structuredClone(a))).toBe(true);
        expect(jsonEqual(a, b)).toBe(jsonEqual(b, a));
        // -0 is written as 0; == on strings of sorted keys is the oracle.
        if (jsonEqual(a, b)) expect(sorted(a)).toBe(sorted(b));
        else expect(sorted(a)).not.toBe(sorted(b));
      }),
    );
  });

  test('takes an undefined field for an absent one', () => {
    expect(jsonEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(jsonEqual({ a: 1 }, { b: undefined, a: 1 })).toBe(true);
    expect(jsonEqual({ a: 1 }, { b: 1 })).toBe(false);
    expect(jsonEqual({ a: null }, {})).toBe(false);
    expect(jsonEqual([], {})).toBe(false);
  });
});

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? // Not the bare entries: an empty object is no empty array.
        { entries: Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)) }
      : inner,
  );

describe('paths', () => {
  test('follow group, namespace and name', () => {
    expect(objectPath(pods, { namespace: 'ns', name: 'a' })).toBe('/api/v1/namespaces/ns/pods/a');
    expect(objectPath(nodes, { name: 'n' }, 'status')).toBe('/api/v1/nodes/n/status');
    expect(collectionPath(leases, undefined)).toBe('/apis/coordination.k8s.io/v1/leases');
  });

  test('need a namespace for namespaced kinds, and none for others', () => {
    expect(() => objectPath(pods, { name: 'a' })).toThrow('a namespace is needed');
    expect(() => objectPath(nodes, { namespace: 'ns', name: 'a' })).toThrow('cluster-scoped');
  });
});

describe('back-off', () => {
  test('doubles from the base to the limit and never overflows', () => {
    const backoff = { baseMs: 10, maxMs: 1000 };
    expect([0, 1, 2, 3, 8, 5000].map((failures) => exponentialMs(failures, backoff))).toEqual([
      0, 10, 20, 40, 1000, 1000,
    ]);
  });

  test('jitters between a half and the whole', () => {
    expect(jittered(100, () => 0)).toBe(50);
    expect(jittered(100, () => 0.999999)).toBeCloseTo(100, 2);
  });
});

describe('a token bucket', () => {
  test('lets a burst through, then one per interval, and is not refilled by a clock set back', async () => {
    const clock = makeManualClock();
    const bucket = makeTokenBucket({ perSecond: 2, burst: 2 }, clock);
    expect([bucket.tryTake(), bucket.tryTake(), bucket.tryTake()]).toEqual([true, true, false]);
    clock.step(-3_600_000);
    expect(bucket.tryTake()).toBe(false);
    await clock.advance(500);
    expect([bucket.tryTake(), bucket.tryTake()]).toEqual([true, false]);
    expect([bucket.reserveMs(), bucket.reserveMs()]).toEqual([500, 1000]);
  });
});

describe('mappings', () => {
  const owner = { apiVersion: 'twinreel.io/v1beta9', kind: 'BackupJob', name: 'job', uid: 'u', controller: true };
  const jobs = { group: 'twinreel.io', version: 'v1alpha1', plural: 'backupjobs', kind: 'BackupJob', namespaced: true };

  test('lead from a child to its controller, whatever version it was made with', () => {
    const metadata = { namespace: 'ns', name: 'pod', ownerReferences: [owner] };
    expect(toController(jobs)({ metadata })).toEqual(['ns/job']);
    expect(toController({ ...jobs, namespaced: false })({ metadata })).toEqual(['job']);
    expect(toController({ ...jobs, group: 'other.io' })({ metadata })).toEqual([]);
    expect(
      toController(jobs)({ metadata: { ...metadata, ownerReferences: [{ ...owner, controller: false }] } }),
    ).toEqual([]);
  });

  test('lead along labels to objects that cannot be owners', () => {
    const mapping = toLabelled({ name: 'job', namespace: 'job-namespace' });
    expect(mapping({ metadata: { labels: { job: 'a', 'job-namespace': 'team' } } })).toEqual(['team/a']);
    expect(mapping({ metadata: { labels: { job: 'a' } } })).toEqual([]);
    expect(toLabelled({ name: 'job' })({ metadata: { labels: { job: 'a' } } })).toEqual(['a']);
  });
});

describe('time', () => {
  test('in leases and events has six decimals', () => {
    expect(microTime(Date.UTC(2030, 0, 2, 3, 4, 5, 6))).toBe('2030-01-02T03:04:05.006000Z');
  });

  test('that is slept through ends early with the reason of the signal', async () => {
    const stop = new AbortController();
    const asleep = sleep(realClock, 3_600_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
    await expect(sleep(realClock, 1, stop.signal)).rejects.toThrow('enough');
  });
});
