/** What an administrator does with the release, to its end: the data stays, and who installs it again takes it over. */
import { describe, expect, test } from 'vitest';
import { argumentsOf, condition, operators, upgrade } from './fault-bench.ts';
import { atRest, bench, ended, goFast, install, restoreAndCompare, start, system, team } from './installed.ts';

const spec = { stallTimeout: '10s', disjointness: { server: 'Preferred' } };
const release = ['twinreel', '-n', 'twinreel-system'] as const;

/** What may not be lost: by name and uid, so that nothing was made anew. */
const kept = async (): Promise<readonly string[]> => {
  const wanted: readonly (readonly string[])[] = [
    ['crd'],
    ['tapes,tapelibraries,backupservers,mediapools'],
    ['backupsaverecords,savepages', ...system],
    ['backupjobs,restores', '-n', team],
  ];
  const columns = ['-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\\n"}{end}'];
  const found = await Promise.all(wanted.map(async (what) => bench.kubectl('get', ...what, ...columns)));
  return found.join('').trimEnd().split('\n').toSorted();
};

/** Last of all: it takes the release away. */
export const releaseTests = (): void => {
  describe('the release on a whole cluster', { timeout: 240_000 }, () => {
    rollbackTest();
    uninstallTest();
  });
};

const rollbackTest = (): void => {
  test('an upgrade that is rolled back touches no stream of a running job', async () => {
    const before = await start({ name: 'rolled', spec }, 3_000_000);
    await upgrade('settings.logLevel=debug');
    for (const one of await argumentsOf()) expect(one).toContain('--log-level debug');
    await bench.exec('helm', 'rollback', ...release);
    await bench.kubectl('rollout', 'status', 'deployment/twinreel-operator', ...system, '--timeout=120s');
    const back = await argumentsOf();
    expect(back).toHaveLength(2);
    for (const one of back) expect(one).not.toContain('--log-level');
    goFast();
    const job = await ended('rolled');
    expect(job.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
    const epochs = (one: typeof job): unknown => one.status?.streams?.map(({ epoch, pod }) => [epoch, pod]);
    expect(epochs(job)).toEqual(epochs(before));
    expect(condition(job, 'Released')).toBe('True NothingHeld');
    const history = await bench.exec('helm', 'history', ...release);
    expect(history).toMatch(/deployed.*Rollback to \d+\s*$/m);
  });
};

const uninstallTest = (): void => {
  test('uninstalled, it leaves CRDs, records and tapes; installed again, it takes them over and restores from them', async () => {
    await atRest();
    const before = await kept();
    expect(before.filter((one) => one.startsWith('CustomResourceDefinition/'))).not.toEqual([]);
    await bench.exec('helm', 'uninstall', ...release, '--wait');
    await bench.until('no operator runs', async () => ((await operators()).length === 0 ? true : undefined));
    await expect(bench.kubectl('get', 'clusterrole', 'twinreel-operator')).rejects.toThrow(/not found/i);
    expect(await kept()).toEqual(before);
    await install('install');
    expect(await kept()).toEqual(before);
    await restoreAndCompare('rolled', 'adopted');
    await atRest();
  });
};
