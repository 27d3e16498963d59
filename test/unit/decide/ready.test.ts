import { describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import type { BackupJob, Condition, Tape } from '../../../src/api/generated/index.ts';
import { decideLibrary } from '../../../src/decide/hardware/library.ts';
import { withHardwareReady, withPoolReady, withWorkReady } from '../../../src/decide/ready.ts';
import { library } from '../../support/hardware-objects.ts';

const [before, now] = ['2030-01-01T00:00:00.000Z', '2030-01-01T00:00:07.000Z'];

const ready = ({ conditions }: { readonly conditions?: Condition[] }): Condition | undefined =>
  findCondition(conditions, 'Ready');
const stalled = ({ conditions }: { readonly conditions?: Condition[] }): Condition | undefined =>
  findCondition(conditions, 'Stalled');

describe('hardware', () => {
  type Status = NonNullable<Tape['status']>;

  it.each<[string, Status, string, string]>([
    ['a usable one', { state: 'Usable' }, 'True', 'InService'],
    ['one in use, with the same words', { state: 'InUse' }, 'True', 'InService'],
    ['a full tape', { state: 'Full' }, 'True', 'InService'],
    ['a tape that was carried away', { state: 'Exported', reason: 'NotInLibrary' }, 'True', 'Exported'],
    ['what its owner disabled', { state: 'NotUsable', reason: 'Disabled' }, 'True', 'Disabled'],
    ['a server without its node', { state: 'NotUsable', reason: 'NodeMissing' }, 'False', 'NodeMissing'],
    ['a tape with a foreign label', { state: 'Foreign', reason: 'TapeForeign' }, 'False', 'TapeForeign'],
    ['what was not seen yet', { state: 'Unknown' }, 'Unknown', 'NotYetSeen'],
    ['what has no state at all', {}, 'Unknown', 'NotYetSeen'],
  ])('says of %s what it is', (_name, status, is, reason) => {
    const told = withHardwareReady(status, 3, now);
    expect(told).toMatchObject({ observedGeneration: 3 });
    expect(ready(told)).toMatchObject({ status: is, reason, observedGeneration: 3, lastTransitionTime: now });
  });

  it('is not written again where there is no news, nor by a claim', () => {
    const told = withHardwareReady<Status>({ state: 'Usable' }, 3, before);
    expect(withHardwareReady(told, 3, now)).toBe(told);
    const claimed: Status = { ...told, state: 'InUse' };
    expect(withHardwareReady(claimed, 3, now)).toBe(claimed);
  });

  it('follows the generation without a new time of transition', () => {
    const told = withHardwareReady<Status>(withHardwareReady<Status>({ state: 'Usable' }, 3, before), 4, now);
    expect(told.observedGeneration).toBe(4);
    expect(ready(told)).toMatchObject({ observedGeneration: 4, lastTransitionTime: before });
  });

  it('that only waits tells that it has seen its new spec', () => {
    const status = withHardwareReady({ state: 'Usable' as const, lastInventory: before, drives: [] }, 1, before);
    const seen = { ...library(status, { drives: [] }), metadata: { ...library().metadata, generation: 2 } };
    const about = { servers: [], tapes: [], robotPods: [], page: undefined, failures: 0, lastFailureMs: 0 };
    const step = decideLibrary({ ...about, library: seen, patience: { startMs: 1, runMs: 1 } }, Date.parse(now));
    expect(step).toMatchObject({ kind: 'write', status: { observedGeneration: 2 } });
  });
});

it('a pool is ready once it is counted', () => {
  expect(ready(withPoolReady({}, 1, now))).toMatchObject({ status: 'True', reason: 'TapesCounted' });
});

describe('a job or restore', () => {
  type Status = NonNullable<BackupJob['status']>;
  const told = (status: Status): Status => withWorkReady(status, 2, now);

  it.each<[Status, string, string]>([
    [{ phase: 'Queued', reason: 'NoUsableDrive' }, 'False', 'NoUsableDrive'],
    [{ phase: 'Queued' }, 'False', 'InProgress'],
    [{ phase: 'Running', reason: 'TapeWriteError' }, 'False', 'InProgress'],
    [{ phase: 'Suspended', reason: 'Suspended' }, 'False', 'Suspended'],
    [{ phase: 'Succeeded', reason: 'CopiesMissing' }, 'True', 'CopiesMissing'],
  ])('%o is not stalled', (status, is, reason) => {
    expect(ready(told(status))).toMatchObject({ status: is, reason, observedGeneration: 2 });
    expect(stalled(told(status))).toBeUndefined();
  });

  it.each(['Failed', 'Cancelled'] as const)('that is %s will never be ready', (phase) => {
    const status = told({ phase, reason: 'TapeWriteError', message: 'drive 0: write error' });
    const found = { reason: 'TapeWriteError', message: 'drive 0: write error' };
    expect(ready(status)).toMatchObject({ status: 'False', ...found });
    expect(stalled(status)).toMatchObject({ status: 'True', ...found });
  });

  it('keeps its other conditions', () => {
    const complete: Condition = {
      type: 'Complete',
      status: 'True',
      reason: 'R',
      message: '',
      lastTransitionTime: before,
    };
    expect(told({ phase: 'Succeeded', conditions: [complete] }).conditions).toMatchObject([
      complete,
      { type: 'Ready' },
    ]);
  });
});
