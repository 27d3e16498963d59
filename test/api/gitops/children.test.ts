/** What the operator makes for a job that a GitOps controller applied, and what becomes of it when that prunes the job. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { annotations, labels, operatorNamespace, planPodName, streamPodName } from '../../../src/api/names.ts';
import { backupJobs, backupSaveRecords, savePages, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { pods } from '../../../src/kube/resources.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { kstatusOf } from '../../support/gitops-tool.ts';
import { OperatorSite, waitFor } from '../operator/operator-harness.ts';
import { Stagehand } from '../operator/stagehand.ts';
import { ForeignManager, type Manifest } from './foreign-manager.ts';

const tracking = {
  labels: {
    'app.kubernetes.io/instance': 'nightly-backups',
    'kustomize.toolkit.fluxcd.io/name': 'backups',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
    team: 'storage',
  },
  annotations: {
    'argocd.argoproj.io/tracking-id': 'nightly-backups:twinreel.io/BackupJob:default/tracked',
    'kustomize.toolkit.fluxcd.io/ssa': 'Merge',
  },
};

const manifest: Manifest = {
  apiVersion: 'twinreel.io/v1alpha1',
  kind: 'BackupJob',
  metadata: { name: 'tracked', namespace: 'default', ...tracking },
  spec: { source: { hostPath: { path: '/data' } }, routes: 1, retention: { keepFor: '30d' } },
};

let site: OperatorSite;
let stagehand: Stagehand;
let flux: ForeignManager;

const readJob = (): Promise<BackupJob | undefined> =>
  getIfPresent(site.api, backupJobs, { namespace: 'default', name: 'tracked' });

const jobWhere = (what: string, is: (job: BackupJob) => boolean): Promise<BackupJob> =>
  waitFor(what, async () => {
    const job = await readJob();
    return job !== undefined && is(job) ? job : undefined;
  });

interface Child {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
}

const children = async (uid: string): Promise<readonly Child[]> => {
  const about = { namespace: operatorNamespace, labelSelector: `${labels.jobUid}=${uid}` };
  const found = [
    ...(await site.api.list(pods, about)).items,
    ...(await site.api.list(backupSaveRecords, about)).items,
    ...(await site.api.list(savePages, about)).items,
  ];
  return found;
};

beforeAll(async () => {
  site = await OperatorSite.open();
  flux = new ForeignManager(site, 'kustomize-controller');
  await site.startOperator();
  stagehand = await Stagehand.open(site);
  // The tool may have to be built first.
  await kstatusOf([]);
}, 600_000);
afterAll(async () => {
  await stagehand.close();
  await site.close();
});

describe('a job that a GitOps controller applied', () => {
  it('runs, with the finalizer that it needs, and does not drift for it', async () => {
    await flux.apply([manifest]);
    // And by the other way as well, which leaves an annotation with the whole manifest.
    expect((await site.kubectl(['apply', '-f', '-'], JSON.stringify(manifest))).stderr).not.toContain('rror');
    const job = await jobWhere('a writer', ({ status }) => status?.streams?.[0]?.state === 'Running');
    expect(job.metadata.finalizers).toEqual(['twinreel.io/held']);
    expect(job.metadata.annotations).toHaveProperty(['kubectl.kubernetes.io/last-applied-configuration']);
    await site.waitForPod(streamPodName(job.metadata.uid ?? '', 0, job.status?.streams?.[0]?.epoch ?? 0));
    await site.waitForPod(planPodName(job.metadata.uid ?? '', job.status?.plan?.epoch ?? 0));
    expect(await flux.diffAsOwner([manifest])).toBe('');
    expect(job.metadata.generation).toBe(1);
    expect((await kstatusOf([{ apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', ...job }]))[0]?.status).toBe(
      'InProgress',
    );
  });

  it('gives none of its labels and annotations to what is made for it', async () => {
    const { metadata } = await jobWhere('the job', () => true);
    const made = await children(metadata.uid ?? '');
    // Planner, writer, and the head of its stream at the least.
    expect(made.length).toBeGreaterThanOrEqual(3);
    const found = (await site.api.list(tapes, {})).items;
    expect(found.length).toBe(4);
    for (const child of [...made, ...found]) {
      const { name, labels: own = {}, annotations: noted = {} } = child.metadata ?? {};
      const copied = Object.keys(own).filter((key) => key in tracking.labels);
      expect([name, copied, Object.keys(noted)]).toEqual([name, [], []]);
    }
  });

  it('owns nothing: what outlives it must not be collected with it, and no owner has dependents elsewhere', async () => {
    const { metadata } = await jobWhere('the job', () => true);
    for (const { metadata: child } of await children(metadata.uid ?? ''))
      expect([child?.name, child?.ownerReferences ?? []]).toEqual([child?.name, []]);
  });
});

describe('when it is pruned', () => {
  it('its workers end, what it held is freed, the job goes, and the backup stays', async () => {
    const { metadata, status } = await jobWhere('the job', () => true);
    const uid = metadata.uid ?? '';
    const [stream] = status?.streams ?? [];
    expect((await site.kubectl(['delete', '-f', '-', '--wait=false'], JSON.stringify(manifest))).code).toBe(0);
    const writer = streamPodName(uid, 0, stream?.epoch ?? 0);
    await jobWhere('the end', (job) => job.status?.ending?.result === 'Cancelled');
    const stopped = { v: 1, outcome: 'stopped', reason: 'Stopped', message: 'asked to' } as const;
    await site.endPod(writer, 143, { ...stopped, role: 'backup' });
    await waitFor('the job to go', async () => ((await readJob()) === undefined ? true : undefined));
    const left = await children(uid);
    expect(left.map((child) => child.metadata?.labels?.[labels.type])).toContain('Stream');
    const library = await site.api.get(tapeLibraries, { name: 'library-0' });
    expect((library.status?.drives ?? []).flatMap(({ holder }) => holder ?? [])).toEqual([]);
  });

  it('a library takes its own pods and pages with it, and none of its tapes', async () => {
    const known = (await site.api.list(tapes, {})).items.map(({ metadata }) => metadata.name);
    const ofLibrary = async () =>
      (await site.api.list(savePages, { namespace: operatorNamespace })).items.filter(
        ({ spec }) => spec.library === 'library-0',
      );
    // An inventory that nobody does.
    await stagehand.close();
    const ask = { metadata: { annotations: { [annotations.inventory]: '1' } } };
    await site.api.patch(tapeLibraries, { name: 'library-0' }, ask, { type: 'merge' });
    const [page] = await waitFor('a page', async () => ((await ofLibrary()).length === 1 ? ofLibrary() : undefined));
    const pod = await site.waitForPod(page?.metadata.name ?? '');
    expect([page?.metadata, pod.metadata].map((one) => one?.ownerReferences?.[0]?.kind)).toEqual(
      Array(2).fill('TapeLibrary'),
    );
    await site.api.delete(tapeLibraries, { name: 'library-0' });
    await waitFor('its page and pod to be collected', async () => {
      const podToo = await getIfPresent(site.api, pods, {
        namespace: operatorNamespace,
        name: pod.metadata?.name ?? '',
      });
      return (await ofLibrary()).length === 0 && podToo === undefined ? true : undefined;
    });
    expect((await site.api.list(tapes, {})).items.map(({ metadata }) => metadata.name)).toEqual(known);
  });
});
