import { describe, expect, it } from 'vitest';
import { catalogueFiles, type Catalogue } from '../../../src/tape/catalogue.ts';
import { now, uid } from './group-bench.ts';

const catalogue: Catalogue = {
  number: 3,
  whole: true,
  uid,
  stream: 1,
  previous: 2,
  writtenAt: now,
  count: 2,
  outcome: 'Closing',
  job: {
    metadata: { name: 'nightly', namespace: 'default', uid, labels: { app: 'db' } },
    spec: { routes: 2, encryption: { secretRef: { name: 'key' } } },
  },
  plan: [
    { n: 0, from: '', offset: 0, weight: 100, entries: 3, kind: 'data' },
    { n: 1, from: 'b%0A', offset: 0, weight: 90, entries: 2, kind: 'data' },
  ],
  commits: [],
  records: [],
  indexes: [{ segment: 12, path: '/catalogue/12' }],
};

const textOf = (file: string, of: Catalogue = catalogue): string => {
  const content = catalogueFiles(of).find(({ name }) => name === file)?.content;
  return content instanceof Uint8Array ? Buffer.from(content).toString() : '';
};

describe('catalogueFiles', () => {
  it('gives the members in the order and under the names of the format', () => {
    expect(catalogueFiles(catalogue).map(({ name }) => name)).toEqual([
      'catalogue-000003.json',
      'job.json',
      'plan.jsonl',
      'commits.jsonl',
      'records.json',
      'indexes/index-000012.jsonl.zst',
    ]);
  });

  it('says in its head what it is, with null for what is not known', () => {
    expect(JSON.parse(textOf('catalogue-000003.json'))).toEqual({
      ...{ format: 1, whole: true, uid, stream: 1, number: 3, previous: 2 },
      ...{ writtenAt: '2026-11-23T15:05:09.000Z', count: 2, outcome: 'Closing' },
    });
    const { previous: _previous, count: _count, ...first } = catalogue;
    expect(JSON.parse(textOf('catalogue-000003.json', first))).toMatchObject({ previous: null, count: null });
  });

  it('writes one line for each segment and each commit', () => {
    const lines = textOf('plan.jsonl').split('\n');
    expect(lines).toEqual([expect.stringContaining('"n":0'), expect.stringContaining('"from":"b%0A"'), '']);
    expect(textOf('commits.jsonl')).toBe('');
  });

  it('keeps of the job its name, labels and spec, and nothing else', () => {
    const metadata = { ...catalogue.job.metadata, managedFields: ['secret'] };
    expect(JSON.parse(textOf('job.json', { ...catalogue, job: { ...catalogue.job, metadata } }))).toEqual({
      metadata: { name: 'nightly', namespace: 'default', uid, labels: { app: 'db' } },
      spec: catalogue.job.spec,
    });
  });

  it('leaves large indexes where they are', () => {
    expect(catalogueFiles(catalogue).at(-1)?.content).toEqual({ path: '/catalogue/12' });
  });
});
