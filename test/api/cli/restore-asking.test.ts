import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { indexFileName, indexFolderOf } from '../../../src/archive/index-folder.ts';
import { IndexWriter } from '../../../src/archive/index-writer.ts';
import { backupJobs, backupServers, restores } from '../../../src/api/resources.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { type Line, runInTerminal } from '../../support/terminal.ts';
import { runCli } from '../../unit/cli/run-cli.ts';
import { connect, makeNamespace } from '../kube/connection.ts';

const main = path.join(import.meta.dirname, '../../../src/cli/main.ts');
const enter = '\r';

describe('a restore that asks, on a real terminal and a real API server', { timeout: 60_000 }, () => {
  let api: RestApi;
  let namespace: string;
  let catalogue: string;
  let server: string;

  const make = async (resource: Resource, object: KubeObject & { readonly spec: object }): Promise<KubeObject> =>
    api.create(resource, object);

  beforeAll(async () => {
    api = await connect();
    namespace = await makeNamespace(api, 'asking');
    catalogue = mkdtempSync(path.join(tmpdir(), 'tw-asking-'));
    server = `${namespace}-server`;
    await make(backupServers, {
      metadata: { name: server },
      spec: { node: 'n', catalogueFolder: { hostPath: { path: catalogue } } },
    });
    for (const [name, completionTime] of [
      ['old', '2026-10-01T00:00:00Z'],
      ['new', '2026-11-01T00:00:00Z'],
    ] as const) {
      const job = await make(backupJobs, {
        metadata: { namespace, name },
        spec: { source: { hostPath: { path: '/data' } } },
      });
      const status = { phase: 'Succeeded', completionTime, plan: { bytes: 5_000_000 } };
      await api.patch(backupJobs, { namespace, name }, { status }, { type: 'merge', subresource: 'status' });
      writeIndex(job.metadata?.uid ?? '');
    }
  });

  const writeIndex = (uid: string): void => {
    const writer = new IndexWriter({ uid, segment: 0, stream: 0, epoch: 1 });
    for (const p of ['docs', 'photos'])
      writer.add(JSON.stringify({ p, t: 'd', a: '755', u: 0, g: 0, m: '0.000000000' }));
    const folder = indexFolderOf(catalogue, uid, 0);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, indexFileName(0)), writer.finish(undefined));
  };

  afterAll(async () => {
    for (const name of ['old', 'new']) await api.delete(backupJobs, { namespace, name });
    for (const { metadata } of await made()) await api.delete(restores, { namespace, name: metadata.name });
    await api.delete(backupServers, { name: server });
    rmSync(catalogue, { recursive: true });
    api.close();
  });

  const made = async () => (await api.list(restores, { namespace })).items;

  const restore = async (lines: readonly Line[], ...flags: readonly string[]) =>
    runInTerminal(
      [process.execPath, main, 'restore', ...flags, '-n', namespace, '--kubeconfig', inject('kubeconfig')],
      lines,
    );

  it('asks what, when, which paths, where to and what of files that are there, and makes it after a yes', async () => {
    const { code, shown } = await restore(
      [
        { sees: 'Which backup?', types: `yesterday-ish${enter}` },
        { sees: 'is no number of the list', types: '' },
        { sees: 'Which backup?', types: `2026-10-15T00:00:00Z${enter}` },
        { sees: 'Path [everything]: ', types: `?${enter}` },
        { sees: 'Path [everything]: ', types: `docs${enter}` },
        { sees: 'Path [no more]: ', types: `../etc${enter}` },
        { sees: 'no path may lead upwards', types: '' },
        { sees: 'Path [no more]: ', types: enter },
        { sees: 'Where to?', types: `out${enter}` },
        { sees: 'write an absolute folder', types: '' },
        { sees: 'Where to?', types: `claim:db/restored${enter}` },
        { sees: 'Which? Number or name', types: `keepnewer${enter}` },
        { sees: 'yes or no: ', types: `yes${enter}` },
      ],
      '--name',
      'asked',
    );
    expect(code, shown).toBe(0);
    expect(shown).toMatch(/1 +new +2026-11-01T00:00:00Z.*\r\n.*2 +old +2026-10-01T00:00:00Z/);
    expect(shown).toContain('photos');
    expect(shown).toContain('restore/asked created');
    const [made] = (await api.list(restores, { namespace })).items;
    expect(made?.spec).toMatchObject({
      from: { backupJob: 'old' },
      paths: ['docs'],
      target: { persistentVolumeClaim: { claimName: 'db', path: 'restored' } },
      conflict: 'KeepNewer',
    });
  });

  it('asks only for what is missing, and makes nothing after a no', async () => {
    const before = await made();
    const { code, shown } = await restore(
      [
        { sees: 'Where to?', types: `/out${enter}` },
        { sees: 'yes or no: ', types: `n${enter}` },
      ],
      ...['--from', 'new', '--conflict', 'Skip'],
    );
    expect(code, shown).toBe(1);
    expect(shown).toContain('path: /out');
    expect(shown).toContain('nothing was made');
    expect(shown).not.toContain('Which backup?');
    expect(await made()).toEqual(before);
  });

  it.each([
    { name: 'Ctrl-C', types: '\u0003', code: 130 },
    { name: 'Ctrl-D', types: '\u0004', code: 1 },
  ])('makes nothing after $name', async ({ types, code }) => {
    const before = await made();
    const ran = await restore([{ sees: 'Which backup?', types }]);
    expect(ran.code, ran.shown).toBe(code);
    expect(await made()).toEqual(before);
  });

  it('asks nobody where there is no terminal, and says what is missing', async () => {
    const { code, stderr } = await runCli(['restore', '-n', namespace, '--kubeconfig', inject('kubeconfig')]);
    expect(code).toBe(2);
    expect(stderr).toContain('one of --from, --latest and --record, and --to');
    expect(stderr).toContain('On a terminal it asks for what is missing; this is none');
  });
});
