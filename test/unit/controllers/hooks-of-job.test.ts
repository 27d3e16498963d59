import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { backupJobs, backupServers, tapeLibraries } from '../../../src/api/resources.ts';
import { makeBackupJobReconciler } from '../../../src/controllers/backup-job.ts';
import type { Deps } from '../../../src/controllers/deps.ts';
import type { ExecRequest } from '../../../src/controllers/hook-runner.ts';
import { pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, job as jobWith, library, server } from '../../support/hardware-objects.ts';
import { apiError } from '../kube/memory-api.ts';

const { signal } = new AbortController();
const key = 'default/job';
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

interface Begun extends ExecRequest {
  readonly signal: AbortSignal;
  readonly end: (exitCode: number) => void;
}

/** Every command hangs until the test ends it. */
const begin = async () => {
  bench = await makeControllerBench();
  const { memory, deps } = bench;
  const begun: Begun[] = [];
  const hook = (name: string) => [
    { podSelector: { matchLabels: { app: 'db' } }, command: [name], timeout: '60s', onError: 'Fail' as const },
  ];
  const job = jobWith({
    ...{ phase: 'Preparing', processNumber: 7, allocatedAt: new Date(0).toISOString() },
    startTime: new Date(bench.clock.now()).toISOString(),
    streams: [grant({ state: 'Ready', zoned: true, loaded: true, unloaded: true })],
  });
  memory.seed(backupJobs, { ...job, spec: { ...job.spec, hooks: { before: hook('freeze'), after: hook('thaw') } } });
  memory.seed(backupServers, server());
  memory.seed(tapeLibraries, library());
  memory.seed(pods, {
    metadata: { namespace: 'default', name: 'db-0', labels: { app: 'db' } },
    spec: { containers: [{ name: 'db' }] },
    status: { phase: 'Running' },
  });
  const hanging: Deps = {
    ...deps,
    execInPod: (request, aborted) =>
      new Promise((resolve, reject) => {
        begun.push({ ...request, signal: aborted, end: (exitCode) => resolve({ exitCode, output: '' }) });
        aborted.addEventListener('abort', () => reject(new Error('aborted')));
      }),
  };
  const reconcile = makeBackupJobReconciler(hanging);
  const pass = async (): Promise<void> => {
    await bench?.settle();
    await reconcile(key, signal);
    await bench?.settle();
  };
  return { memory, begun, pass, commands: () => begun.map(({ command }) => command.join(' ')) };
};

const read = (): BackupJob | undefined => bench?.memory.read(backupJobs, { namespace: 'default', name: 'job' });
const runs = (): readonly string[] =>
  (read()?.status?.hooks ?? []).map(({ when, state, attempts }) => `${when} ${state} ${attempts ?? 0}`);

describe('B2: a hook that hangs', () => {
  it('keeps the control loop from nothing, and is begun once', async () => {
    const { pass, commands } = await begin();
    for (let times = 0; times < 3; times += 1) await pass();
    expect(commands()).toEqual(['freeze']);
    expect(runs()).toEqual(['Before Running 1']);
  });

  it('is noted once it has ended', async () => {
    const { pass, begun } = await begin();
    await pass();
    begun[0]?.end(0);
    await pass();
    expect(runs()).toEqual(['Before Succeeded 1']);
  });

  it('is not run again when its outcome meets a conflict: only the write is', async () => {
    const { memory, pass, begun, commands } = await begin();
    await pass();
    begun[0]?.end(0);
    await bench?.settle();
    memory.fail('updateStatus', { error: apiError('Conflict') });
    await pass();
    expect(runs()).toEqual(['Before Running 1']);
    await pass();
    expect(runs()).toEqual(['Before Succeeded 1']);
    expect(commands()).toEqual(['freeze']);
  });

  it('is stopped when the job is cancelled, and what undoes it runs after it', async () => {
    const { memory, pass, begun, commands } = await begin();
    await pass();
    const job = read();
    if (job !== undefined) memory.seed(backupJobs, { ...job, spec: { ...job.spec, cancel: true } });
    await pass();
    expect(begun[0]?.signal.aborted).toBe(true);
    expect(commands()).toEqual(['freeze', 'thaw']);
    begun[1]?.end(0);
    await pass();
    expect(runs()).toContain('After Succeeded 1');
  });

  it('is run again by the next leader, which knows nothing of it', async () => {
    const first = await begin();
    await first.pass();
    await makeBackupJobReconciler(bench?.deps ?? raise())(key, signal);
    expect(runs()).toEqual(['Before Running 2']);
  });
});

const raise = (): never => {
  throw new Error('there is no bench');
};
