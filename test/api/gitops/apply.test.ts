/** The samples, applied by GitOps controllers while the real operator works on them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientDiffOf, healthOf, kstatusOf } from '../../support/gitops-tool.ts';
import { OperatorSite, waitFor } from '../operator/operator-harness.ts';
import {
  ForeignManager,
  nameOf,
  readSamples,
  type Live,
  type ManagedFields,
  type Manifest,
} from './foreign-manager.ts';

/** The same values in other spellings, which a server that normalised them would hand back changed. */
const spelled: readonly Manifest[] = [
  {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupJob',
    metadata: { name: 'spelled', namespace: 'default' },
    spec: {
      source: { hostPath: { path: '/data' } },
      segmentSize: 67_108_864,
      activeDeadline: '90m',
      stallTimeout: '120s',
      retention: { keepFor: '24h' },
      hooks: { before: [{ podSelector: { matchLabels: { app: 'db' } }, container: 'db', command: ['sync'] }] },
    },
  },
  {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupServer',
    metadata: { name: 'spelled' },
    spec: {
      node: 'nowhere',
      hostPaths: [{ prefix: '/data', namespaces: ['*'] }],
      libraries: [{ name: 'disk-library' }],
      pod: { resources: { requests: { cpu: 1, memory: '1024Mi' }, limits: { cpu: '1000m' } } },
    },
  },
];
const samples = [...readSamples(), ...spelled];
/** Nobody reconciles these: the operator writes them itself, or only reads them. */
const unwatched = ['BackupSaveRecord', 'SavePage', 'CopyDevice', 'BackupSchedule'];
const watched = samples.filter(({ kind }) => !unwatched.includes(kind));

let site: OperatorSite;
let argo: ForeignManager;

const settled = (): Promise<readonly Live[]> =>
  waitFor('every sample to be observed', async () => {
    const live = await argo.read(watched);
    return live.every(({ metadata, status }) => status?.observedGeneration === metadata.generation) ? live : undefined;
  });

const answers = async <T>(ask: (live: readonly Live[]) => Promise<readonly T[]>, live: readonly Live[]) => {
  const found = await ask(live);
  return Object.fromEntries(live.map((one, at) => [nameOf(one), found[at]]));
};

beforeAll(async () => {
  site = await OperatorSite.open();
  argo = new ForeignManager(site, 'argocd-controller');
  // The tool may have to be built first.
  await kstatusOf([]);
}, 600_000);
afterAll(() => site.close());

describe('before the operator has seen them', () => {
  it('samples are in progress for whoever waits for them, not done', async () => {
    await argo.apply(samples);
    const live = await argo.read(watched);
    for (const [name, found] of Object.entries(await answers(kstatusOf, live)))
      expect([name, found?.status]).toEqual([name, 'InProgress']);
    for (const [name, found] of Object.entries(await answers((all) => healthOf('config/argocd', all), live)))
      expect([name, found]).toEqual([
        name,
        { status: 'Progressing', message: 'the operator has not looked at it yet' },
      ]);
  });
});

describe('while the operator works on them', () => {
  beforeAll(async () => {
    await site.reportNode('media-a.example.net', 'True');
    await site.startOperator();
    await settled();
  });

  it.each(['argocd-controller', 'kustomize-controller', 'helm-controller'])(
    '%s applies every sample again and again without a conflict, and nothing changes',
    async (name) => {
      const manager = new ForeignManager(site, name);
      await manager.apply(samples);
      for (const sample of samples) {
        // Statuses are written meanwhile: once none was, the apply must not have written anything either.
        await waitFor(`${nameOf(sample)} to stay as it is`, async () => {
          const [before] = await manager.read([sample]);
          const [after] = await manager.apply([sample]);
          return before?.metadata.resourceVersion === after?.metadata.resourceVersion ? true : undefined;
        });
      }
    },
  );

  it('nothing drifts, as the server sees it', async () => {
    expect(await argo.diffAsOwner(samples)).toBe('');
  });

  it('nothing drifts, as clients see it that compare for themselves', async () => {
    const live = await argo.read(samples);
    const patches = await clientDiffOf(live.map((one, at) => ({ config: samples[at] ?? {}, live: one })));
    expect(live.map((one, at) => [nameOf(one), patches[at]])).toEqual(live.map((one) => [nameOf(one), {}]));
  });

  it('no spec was written by anybody else: every sample is of its first generation', async () => {
    const live = await settled();
    expect(live.map((one) => [nameOf(one), one.metadata.generation])).toEqual(live.map((one) => [nameOf(one), 1]));
  });

  it('the operator owns nothing but statuses and finalizers', async () => {
    const foreign = ['argocd-controller', 'kustomize-controller', 'helm-controller'];
    for (const { metadata, ...one } of await argo.read(samples)) {
      const others = (metadata.managedFields ?? []).filter(({ manager = '' }) => !foreign.includes(manager));
      expect([nameOf({ ...one, metadata }), others.filter(writesMore)]).toEqual([nameOf({ ...one, metadata }), []]);
    }
  });

  it('they are what kstatus and Argo CD should take them for', async () => {
    const live = await settled();
    const kstatus = await answers(kstatusOf, live);
    const health = await answers((all) => healthOf('config/argocd', all), live);
    expect(kstatus['BackupServer/media-a']?.status).toBe('Current');
    expect(health['BackupServer/media-a']).toEqual({ status: 'Healthy', message: 'usable' });
    expect(kstatus['MediaPool/databases']?.status).toBe('Current');
    expect(health['MediaPool/databases']?.status).toBe('Healthy');
    expect(health['MediaPool/databases']?.message).toMatch(/^1 tapes/);
    expect(kstatus['Tape/tw0001l9']?.status).toBe('InProgress');
    expect(health['Tape/tw0001l9']?.status).toBe('Progressing');
    expect(kstatus['BackupJob/minimal']?.status).toBe('InProgress');
    expect(health['BackupJob/minimal']?.status).toBe('Progressing');
    expect(health['BackupJob/minimal']?.message).toMatch(/^Queued/);
    expect(kstatus['Restore/minimal']?.status).toBe('Failed');
    expect(health['Restore/minimal']?.status).toBe('Degraded');
  });
});

const writesMore = ({ subresource, fieldsV1 = {} }: ManagedFields): boolean => {
  if (subresource === 'status') return false;
  const { 'f:metadata': metadata = {}, ...rest } = fieldsV1;
  return Object.keys(rest).length > 0 || Object.keys(metadata).some((field) => field !== 'f:finalizers');
};
