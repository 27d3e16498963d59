/** A schedule beside a real CronJob of the same name and the same words. */
import { backupSchedules } from '../../../src/api/resources.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import type { OperatorSite } from './operator-harness.ts';

const batch = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group: 'batch',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

export interface CronJob extends KubeObject {
  readonly spec?: object;
  readonly status?: { readonly lastScheduleTime?: string; readonly active?: readonly { readonly name?: string }[] };
}

export interface BatchJob extends KubeObject {
  readonly status?: { readonly active?: number; readonly succeeded?: number };
}

export const cronJobs = batch<CronJob>('CronJob', 'cronjobs');
export const batchJobs = batch<BatchJob>('Job', 'jobs');
export const namespace = 'default';
/** For operators that nobody takes over from: on a machine that does much else, a short lease is lost and ends them. */
export const longLease = ['--lease-duration', '60s', '--renew-deadline', '45s', '--retry-period', '2s'];

/** A job that waits for hardware until it is cancelled. */
export const template = { spec: { source: { hostPath: { path: '/data' } }, routes: 1, whenUnavailable: 'Wait' } };
const container = { name: 'c', image: 'none' };
/** A job whose pod no kubelet starts. */
const cronTemplate = { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } };

export const createPair = async (site: OperatorSite, name: string, spec: object): Promise<void> => {
  const metadata = { namespace, name };
  const cronJob = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: { ...spec, jobTemplate: cronTemplate },
  };
  await site.api.create(cronJobs, cronJob);
  // The API server fills in the defaults that the type asks for.
  const schedule = {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupSchedule',
    metadata,
    spec: { ...spec, jobTemplate: template },
  };
  await site.api.create<KubeObject>(backupSchedules, schedule);
};

/** What the schedule or the CronJob of that name has made, by name, the oldest first. */
export const madeBy = async <T extends KubeObject>(
  site: OperatorSite,
  resource: Resource<T>,
  name: string,
): Promise<readonly T[]> => {
  const { items } = await site.api.list(resource, { namespace });
  return items
    .filter(({ metadata }) => metadata?.name?.replace(/-\d+$/, '') === name)
    .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
};
