/**
 * The runs that the step tests look at: four phases on one cluster of two servers, two libraries with two drives each
 * and two switches. Each is run once, when the first test asks for it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type {
  BackupJob,
  BackupServer,
  FCSwitch,
  Grant,
  Restore,
  SavePage,
  Tape,
  TapeLibrary,
} from '../../src/api/generated/index.ts';
import {
  backupJobs,
  backupServers,
  fcSwitches,
  restores,
  savePages,
  tapeLibraries,
  tapes,
} from '../../src/api/resources.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { pods } from '../../src/kube/resources.ts';
import { makeTree } from '../support/make-tree.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';
import { type History, recordHistory } from '../support/history.ts';

export interface Histories {
  readonly jobs: History<BackupJob>;
  readonly restores: History<Restore>;
  readonly pods: History<Pod>;
  readonly pages: History<SavePage>;
  readonly servers: History<BackupServer>;
  readonly libraries: History<TapeLibrary>;
  readonly tapes: History<Tape>;
  readonly switches: History<FCSwitch>;
}

export interface Zone {
  readonly name: string;
  readonly members: readonly string[];
}

/** All zones of the simulated switches, read from their files. */
export const readZones = (cluster: LocalCluster): readonly Zone[] => {
  const folder = path.join(cluster.state, 'operator', 'fabrics');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.zones.json'))
    .flatMap((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Zone[]);
};

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

const numberOf = (name: string | undefined): number => Number(/\d+$/.exec(name ?? '')?.[0]);

export const isSecured = (grant: Grant | undefined): grant is Grant =>
  grant?.drive !== undefined && grant.state !== 'Allocating' && grant.state !== 'Waiting';

export const segmentBytes = 8 * 2 ** 20;

export class StepScenarios {
  readonly cluster: LocalCluster;
  readonly history: Histories;
  readonly source: string;
  readonly #stop: AbortController;

  private constructor(cluster: LocalCluster, history: Histories, stop: AbortController) {
    this.cluster = cluster;
    this.history = history;
    this.#stop = stop;
    this.source = path.join(cluster.folder, 'source');
  }

  static async start(): Promise<StepScenarios> {
    const cluster = await LocalCluster.start({ servers: 2, libraries: 2, drives: 2, slots: 14, switches: 2 });
    const stop = new AbortController();
    const { api } = cluster;
    const history: Histories = {
      jobs: await recordHistory(api, backupJobs, stop.signal),
      restores: await recordHistory(api, restores, stop.signal),
      pods: await recordHistory(api, pods, stop.signal),
      pages: await recordHistory(api, savePages, stop.signal),
      servers: await recordHistory(api, backupServers, stop.signal),
      libraries: await recordHistory(api, tapeLibraries, stop.signal),
      tapes: await recordHistory(api, tapes, stop.signal),
      switches: await recordHistory(api, fcSwitches, stop.signal),
    };
    const scenarios = new StepScenarios(cluster, history, stop);
    makeTree(scenarios.source, { files: 700, totalBytes: 64e6, seed: 7, filesPerFolder: 60 });
    return scenarios;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.cluster.stop();
  }

  /** Waits until the stream is secured, and breaks its drive before the worker runs. */
  async #breakDrive(job: string, stream: number, fault: object): Promise<void> {
    const found = await this.cluster.jobWhen(job, `stream ${String(stream)} is secured`, ({ status }) =>
      isSecured(status?.streams?.[stream]),
    );
    const grant = found.status?.streams?.[stream];
    this.#faults.set(`${String(grant?.library)}/${String(grant?.drive)}`, { ...fault, drive: numberOf(grant?.drive) });
    this.#writeFaults();
  }

  readonly #faults = new Map<string, object>();

  #writeFaults(): void {
    for (const library of [0, 1]) {
      const mine = [...this.#faults].filter(([key]) => key.startsWith(`library-${String(library)}/`));
      this.cluster.setFaults(
        library,
        mine.map(([, fault]) => fault),
      );
    }
  }

  #heal(): void {
    this.#faults.clear();
    this.#writeFaults();
  }

  /**
   * Two jobs hold all four drives; another one is impatient, one impossible, two wait. While the first two write, the
   * zones are read; then all go on faster, and the drives of those that waited will break.
   */
  readonly crowd = once(async () => {
    const { cluster, source } = this;
    this.#slowAll(1_000_000);
    await cluster.createJob('parallel', source);
    await cluster.createJob('second', source);
    for (const name of ['parallel', 'second'])
      await cluster.jobWhen(name, 'is secured', ({ status }) => (status?.streams ?? []).every(isSecured));
    await cluster.createJob('impatient', source, { whenUnavailable: 'Fail' });
    await cluster.createJob('impossible', source, { routes: 3 });
    // Until they are refused they stand in the queue, before those that wait.
    const [impatient, impossible] = [await cluster.jobEnded('impatient'), await cluster.jobEnded('impossible')];
    await cluster.createJob('patient', source, { maxReplacements: 0 });
    const isQueued = ({ status }: BackupJob): boolean =>
      status?.phase === 'Queued' && (status.queue?.blockedBy ?? []).length > 0;
    const patient = await cluster.jobWhen('patient', 'is queued', isQueued);
    const apart = { server: 'Required', library: 'Required', switch: 'Preferred' };
    await cluster.createJob('failover', source, { copies: 1, disjointness: apart });
    const behind = await cluster.jobWhen('failover', 'is queued', isQueued);
    const writing = await cluster.jobWhen('parallel', 'both streams run', ({ status }) =>
      (status?.streams ?? []).every(({ state }) => state === 'Running'),
    );
    const zones = readZones(cluster);
    const early = await cluster.createRestore('early', 'parallel', cluster.makeFolder('early'));
    await cluster.restoreEnded(early.metadata.name);
    // From here on those that wait may begin at any moment: their faults are waiting for them, and no drive is so fast
    // that a job is through before they are set.
    const broken = [
      this.#breakDrive('patient', 1, { kind: 'writeError', afterBytes: 20_000_000 }),
      this.#breakDrive('failover', 0, { kind: 'writeError', afterBytes: 30_000_000 }),
    ];
    this.#slowAll(10_000_000);
    await Promise.all(broken);
    return {
      ...{ patient, behind, writing, zones, impatient, impossible },
      parallel: await cluster.jobEnded('parallel'),
      second: await cluster.jobEnded('second'),
    };
  });

  #slowAll(bytesPerSecond: number): void {
    for (const library of [0, 1])
      for (const drive of [0, 1])
        this.#faults.set(`library-${String(library)}/drive-${String(drive)}`, { drive, kind: 'slow', bytesPerSecond });
    this.#writeFaults();
  }

  /** Those that waited: one loses its second stream for good, the other one goes over to its standby. */
  readonly losses = once(async () => {
    const { cluster } = this;
    await this.crowd();
    const jobs = { patient: await cluster.jobEnded('patient'), failover: await cluster.jobEnded('failover') };
    this.#heal();
    return jobs;
  });

  /** A drive that hangs; and a job whose two routes both fail, with no third. */
  readonly silence = once(async () => {
    const { cluster, source } = this;
    await this.losses();
    await cluster.createJob('hanging', source, { copies: 1, stallTimeout: '5s' });
    await this.#breakDrive('hanging', 0, { kind: 'stall', afterBytes: 20_000_000 });
    await cluster.createJob('doomed', source, { copies: 1, maxReplacements: 0 });
    await this.#breakDrive('doomed', 0, { kind: 'writeError', afterBytes: 12_000_000 });
    await this.#breakDrive('doomed', 1, { kind: 'writeError', afterBytes: 12_000_000 });
    const doomed = await cluster.jobEnded('doomed');
    await cluster.jobWhen('hanging', 'has gone over', ({ status }) => (status?.failovers ?? 0) > 0);
    const hanging = await cluster.jobEnded('hanging');
    this.#heal();
    return { hanging, doomed };
  });

  /** Both routes fail and a third set is secured; beside it restores, refused and done. */
  readonly thirdSet = once(async () => {
    const { cluster, source } = this;
    await this.silence();
    await cluster.createJob('third', source, { copies: 1, maxReplacements: 2 });
    await this.#breakDrive('third', 0, { kind: 'writeError', afterBytes: 12_000_000 });
    await this.#breakDrive('third', 1, { kind: 'writeError', afterBytes: 12_000_000 });
    await cluster.createRestore('of-doomed', 'doomed', cluster.makeFolder('of-doomed'));
    const target = cluster.makeFolder('of-failover');
    await cluster.createRestore('of-failover', 'failover', target);
    const third = await cluster.jobEnded('third');
    const whole = await cluster.restoreEnded('of-failover');
    const refused = await cluster.restoreEnded('of-doomed');
    this.#heal();
    return { third, whole, refused, target };
  });

  /** The stream worker's pod, as it was last seen. */
  lastPod(grant: Pick<Grant, 'pod'>): Pod | undefined {
    return this.history.pods.versions(grant.pod ?? '').findLast(({ deleted }) => !deleted)?.object;
  }

  /** Waits until the history has caught up with what ended. */
  async seen(job: BackupJob): Promise<void> {
    await eventually(`the history knows the end of ${job.metadata.name}`, () =>
      this.history.jobs.versions(job.metadata.name).some(({ object }) => object.status?.completionTime !== undefined)
        ? true
        : undefined,
    );
  }
}
