/** What Flux and Argo CD show of schedules that the operator itself has looked at. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSchedule } from '../../../src/api/generated/index.ts';
import { backupSchedules } from '../../../src/api/resources.ts';
import { healthOf, kstatusOf } from '../../support/gitops-tool.ts';
import { longLease, template } from '../operator/cron-pair.ts';
import { OperatorSite, waitFor } from '../operator/operator-harness.ts';
import { ForeignManager, type Manifest } from './foreign-manager.ts';

const scripts = join(import.meta.dirname, '../../../config/argocd');
const hourMs = 3_600_000;

let site: OperatorSite;
let flux: ForeignManager;
beforeAll(async () => {
  site = await OperatorSite.open();
  flux = new ForeignManager(site, 'kustomize-controller');
  await site.startOperator(...longLease);
  // The tool may have to be built first.
  await kstatusOf([]);
}, 600_000);
afterAll(() => site.close());

const manifest = (name: string, spec: object): Manifest => ({
  apiVersion: 'twinreel.io/v1alpha1',
  kind: 'BackupSchedule',
  metadata: { namespace: 'default', name },
  spec: { schedule: '0 0 1 1 *', jobTemplate: template, ...spec },
});

const seen = (name: string, what: string, is: (schedule: BackupSchedule) => boolean): Promise<BackupSchedule> =>
  waitFor(`${name}: ${what}`, async () => {
    const schedule = await site.api.get(backupSchedules, { namespace: 'default', name });
    return schedule.status?.observedGeneration === schedule.metadata.generation && is(schedule) ? schedule : undefined;
  });

/** Applied as from Git, looked at by the operator, and no drift for it. */
const applied = async (name: string, spec: object): Promise<BackupSchedule> => {
  const wanted = manifest(name, spec);
  await flux.apply([wanted]);
  const schedule = await seen(name, 'looked at', () => true);
  expect(await flux.diffAsOwner([wanted])).toBe('');
  return schedule;
};

const shownBy = async (schedule: BackupSchedule) => {
  const object = { apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupSchedule', ...schedule };
  const [flux] = await kstatusOf([object]);
  const [argo] = await healthOf(scripts, [object]);
  return { flux: flux?.status, argo: argo?.status, says: argo?.message };
};

describe('a schedule from Git', () => {
  it('is well, with its next start', async () => {
    const schedule = await applied('well', {});
    const next = schedule.status?.nextScheduleTime ?? '';
    expect(new Date(next).getUTCMonth()).toBe(0);
    expect(await shownBy(schedule)).toEqual({ flux: 'Current', argo: 'Healthy', says: `next ${next}` });
  });

  it('is shown as suspended, which keeps nobody waiting', async () => {
    const schedule = await applied('asleep', { suspend: true });
    const says = 'suspended by spec.suspend';
    expect(await shownBy(schedule)).toEqual({ flux: 'Current', argo: 'Suspended', says });
  });

  it('whose line names no date is not ready, with the reason, until it is put right', async () => {
    const says = "InvalidSchedule: '0 0 31 2 *' names a date that never comes";
    const schedule = await applied('never', { schedule: '0 0 31 2 *' });
    expect(await shownBy(schedule)).toEqual({ flux: 'Failed', argo: 'Degraded', says });
    expect(await shownBy(await applied('never', {}))).toMatchObject({ flux: 'Current', argo: 'Healthy' });
  });

  it('whose line can not be read at all never comes to the operator', async () => {
    await expect(flux.apply([manifest('garbled', { schedule: '99 * * * *' })])).rejects.toThrow(
      'must have five fields, minute hour day month weekday',
    );
  });

  it('that missed its last start says so, and that no window was met', async () => {
    const name = 'late';
    const spec = { schedule: '0 * * * *', startingDeadlineSeconds: 0, window: '1h' };
    await applied(name, { ...spec, suspend: true });
    // As after three hours without an operator.
    const lastScheduleTime = new Date(Date.now() - 3 * hourMs).toISOString();
    const { status } = await site.api.get(backupSchedules, { namespace: 'default', name });
    const followed = { ...status?.followed, since: lastScheduleTime };
    const as = { type: 'merge', subresource: 'status' } as const;
    await site.api.patch(backupSchedules, { namespace: 'default', name }, { status: { followed } }, as);
    await flux.apply([manifest(name, spec)]);
    const schedule = await seen(name, 'missed', (one) => (one.status?.missed ?? 0) > 0);
    const { missed = 0, lastMissedTime = '', nextScheduleTime = '' } = schedule.status ?? {};
    expect(await shownBy(schedule)).toEqual({
      flux: 'Current',
      argo: 'Healthy',
      says:
        `next ${nextScheduleTime}, starts missed ${missed}, the last for ${lastMissedTime}; ` +
        `window missed: no job was made for ${lastMissedTime}`,
    });
  });
});
