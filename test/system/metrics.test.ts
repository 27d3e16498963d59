/** What the operator tells of a job that real workers have run: everything from the commit on tape to the scrape. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupJobs } from '../../src/api/resources.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';

/** A whole installation of its own is started, on a machine that may do much else. */
const slowMs = 240_000;

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.start({ slots: 2, tapeSize: '256Mi' });
}, slowMs);
afterAll(() => cluster.stop(), slowMs);

const logOf = (): readonly Readonly<Record<string, unknown>>[] =>
  readFileSync(join(cluster.state, 'logs', 'operator.log'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Value by name and labels, as they stand in the text. */
const scrape = async (): Promise<ReadonlyMap<string, number>> => {
  const port = Number(logOf().find(({ msg }) => msg === 'metrics and probes are served')?.['port']);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
};

describe('the metrics of a job that has ended', () => {
  it(
    'tell the bytes and segments that were committed, the wait, the outcome and the success',
    async () => {
      const source = cluster.makeFolder('source');
      // Nothing that compresses, in several segments.
      for (let file = 0; file < 5; file += 1) {
        const bytes = Buffer.concat(
          Array.from({ length: 4 * 2 ** 14 }, (_, block) => createHash('sha512').update(`${file} ${block}`).digest()),
        );
        writeFileSync(join(source, `file-${file}`), bytes);
      }
      await cluster.apply({
        apiVersion: 'twinreel.io/v1alpha1',
        kind: 'BackupJob',
        metadata: { name: 'counted', namespace: 'default', labels: { 'twinreel.io/schedule': 'nightly' } },
        spec: { source: { hostPath: { path: source } }, routes: 2, copies: 2, segmentSize: '8Mi' },
      });
      const { status } = await cluster.jobEnded('counted', 120_000);
      expect(status).toMatchObject({ phase: 'Succeeded' });
      const totals = (await cluster.recordsOf(await cluster.job('counted'))).map(
        (record) => record.status?.totals ?? {},
      );
      const sum = (pick: 'segments' | 'bytes'): number => totals.reduce((all, one) => all + (one[pick] ?? 0), 0);
      expect(sum('bytes')).toBeGreaterThan(2 * 5 * 4 * 2 ** 20);

      const found = await scrape();
      expect(found.get('twinreel_bytes_total')).toBe(sum('bytes'));
      expect(found.get('twinreel_segments_total')).toBe(sum('segments'));
      expect(found.get('twinreel_allocation_wait_seconds_count{kind="BackupJob"}')).toBe(1);
      expect(found.get('twinreel_ended_total{kind="BackupJob",outcome="Succeeded"}')).toBe(1);
      expect(found.get('twinreel_jobs{kind="BackupJob",phase="Succeeded"}')).toBe(1);
      const success = 'twinreel_last_success_timestamp_seconds{namespace="default",schedule="nightly"}';
      expect(found.get(success)).toBe(Date.parse(status?.completionTime ?? '') / 1000);

      await cluster.api.delete(backupJobs, { namespace: 'default', name: 'counted' });
      await eventually('the job has gone', async () =>
        (await scrape()).has('twinreel_jobs{kind="BackupJob",phase="Succeeded"}') ? undefined : true,
      );
      expect((await scrape()).get(success)).toBe(found.get(success));
    },
    slowMs,
  );
});
