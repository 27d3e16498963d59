/** A whole local installation for system tests: real control plane, operator, agents, workers and virtual libraries. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ProcessEntry, readProcessTable } from '../../dev/local/process-table.ts';
import { findMarked, type ProcessIdentity } from '../../dev/processes/process-identity.ts';
import { stateMark } from '../../src/agent/pod-processes.ts';
import type { BackupJob, Restore } from '../../src/api/generated/index.ts';
import { operatorNamespace } from '../../src/api/names.ts';
import { backupJobs, backupSaveRecords, restores, savePages } from '../../src/api/resources.ts';
import type { Api, KubeObject, Resource } from '../../src/kube/api.ts';
import type { KubeEvent } from '../../src/kube/core-types.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { events } from '../../src/kube/resources.ts';
import { makeRestApi, type RestApi } from '../../src/kube/rest-api.ts';
import { type Ended, run } from './shell.ts';

export interface ClusterWish {
  readonly servers?: number;
  readonly libraries?: number;
  readonly drives?: number;
  readonly slots?: number;
  readonly switches?: number;
  /** As `--tape-size` has it. */
  readonly tapeSize?: string;
}

/** Long enough for a machine that does much else; a test that works never waits that long. */
export const patienceMs = 240_000;

export interface Terminal {
  readonly phase?: string;
}

interface Manifest {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const isOver = (status: Terminal | undefined): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Cancelled';

/** Polls until `look` gives something; what it threw last is told when the patience ends. */
export const eventually = async <T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = patienceMs,
): Promise<T> => {
  const end = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not in ${String(withinMs / 1000)} s: ${what}`, { cause: last });
};

export class LocalCluster {
  /** For the test's own files; removed with everything else. */
  readonly folder: string;
  readonly state: string;
  #rest: RestApi | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.state = path.join(folder, 'state');
  }

  /** Starts everything; what can't be started is told with all that was printed. */
  static async start(wish: ClusterWish = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(realpathSync(mkdtempSync(path.join(tmpdir(), 'twinreel-system-'))));
    const options = Object.entries({ tapeSize: '2Gi', ...wish }).flatMap(([name, value]) => [
      `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      String(value),
    ]);
    const ended = await run('npm', ['run', '-s', 'local', '--', 'up', '--state', cluster.state, ...options]);
    if (ended.code !== 0) {
      await cluster.stop();
      throw new Error(`local up ended with ${String(ended.code)}:\n${ended.stderr}`);
    }
    const kubeConfig = await loadKubeConfig({ kubeconfig: cluster.kubeconfig });
    cluster.#rest = makeRestApi({ kubeConfig, userAgent: 'twinreel-system-test' });
    return cluster;
  }

  async stop(): Promise<void> {
    this.#rest?.close();
    await run('npm', ['run', '-s', 'local', '--', 'down', '--state', this.state]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get api(): Api {
    if (this.#rest === undefined) throw new Error('the cluster is not up');
    return this.#rest;
  }

  get kubeconfig(): string {
    return path.join(this.state, 'kubeconfig');
  }

  /** What a user has in the environment after `up`. */
  get env(): NodeJS.ProcessEnv {
    const searched = `${path.join(this.state, 'bin')}:${process.env['PATH'] ?? ''}`;
    return { ...process.env, KUBECONFIG: this.kubeconfig, PATH: searched };
  }

  kubectl(...args: readonly string[]): Promise<Ended> {
    return run(path.join(this.state, 'bin', 'kubectl'), args, { env: this.env });
  }

  library(number: number): string {
    return path.join(this.state, 'libraries', `library-${String(number)}`);
  }

  processes(): readonly ProcessEntry[] {
    return readProcessTable(path.join(this.state, 'processes.json'));
  }

  /** Processes of worker pods, by the server whose agent runs them. */
  workers(server: string): readonly ProcessIdentity[] {
    return findMarked(stateMark, path.join(this.state, 'agents', server));
  }

  /** Replaces the faults of one library; an empty list heals it. */
  setFaults(library: number, faults: readonly object[]): void {
    writeFileSync(path.join(this.library(library), 'faults.yaml'), JSON.stringify(faults));
  }

  /** A new empty folder. */
  makeFolder(name: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async createJob(name: string, source: string, spec: object = {}): Promise<BackupJob> {
    const manifest = {
      apiVersion: 'twinreel.io/v1alpha1',
      kind: 'BackupJob',
      metadata: { name, namespace: 'default' },
      spec: { source: { hostPath: { path: source } }, routes: 2, copies: 2, segmentSize: '8Mi', ...spec },
    };
    await this.apply(manifest);
    return this.job(name);
  }

  async createRestore(name: string, backupJob: string, target: string, spec: object = {}): Promise<Restore> {
    const manifest = {
      apiVersion: 'twinreel.io/v1alpha1',
      kind: 'Restore',
      metadata: { name, namespace: 'default' },
      spec: { from: { backupJob }, target: { hostPath: { path: target } }, ...spec },
    };
    await this.apply(manifest);
    return this.restore(name);
  }

  /** As a user does it: `kubectl apply -f`. */
  async apply(manifest: Manifest): Promise<void> {
    const file = path.join(this.makeFolder('manifests'), `${manifest.metadata.name}.json`);
    writeFileSync(file, JSON.stringify(manifest));
    const ended = await this.kubectl('apply', '-f', file);
    if (ended.code !== 0) throw new Error(`kubectl apply of ${manifest.metadata.name}: ${ended.stderr}`);
  }

  job(name: string): Promise<BackupJob> {
    return this.api.get(backupJobs, { namespace: 'default', name });
  }

  restore(name: string): Promise<Restore> {
    return this.api.get(restores, { namespace: 'default', name });
  }

  /** The job as soon as it is as wanted; a job that has ended otherwise fails the test with its message. */
  async jobWhen(
    name: string,
    what: string,
    wanted: (job: BackupJob) => boolean,
    withinMs = patienceMs,
  ): Promise<BackupJob> {
    const job = await eventually(
      `job ${name}: ${what}`,
      async () => {
        const seen = await this.job(name);
        return wanted(seen) || isOver(seen.status) ? seen : undefined;
      },
      withinMs,
    );
    if (wanted(job)) return job;
    throw new Error(`job ${name} is ${String(job.status?.phase)}, not: ${what}; ${job.status?.message ?? ''}`);
  }

  jobEnded(name: string, withinMs = patienceMs): Promise<BackupJob> {
    return this.jobWhen(name, 'has ended', ({ status }) => isOver(status), withinMs);
  }

  async restoreEnded(name: string, withinMs = patienceMs): Promise<Restore> {
    return eventually(
      `restore ${name} has ended`,
      async () => {
        const restore = await this.restore(name);
        return isOver(restore.status) ? restore : undefined;
      },
      withinMs,
    );
  }

  async list<T extends KubeObject>(resource: Resource<T>): Promise<readonly T[]> {
    return (await this.api.list(resource, resource.namespaced ? { namespace: operatorNamespace } : {})).items;
  }

  recordsOf = async (job: BackupJob) =>
    (await this.list(backupSaveRecords)).filter((record) => record.spec.job.uid === job.metadata.uid);

  pagesOf = async (job: BackupJob) =>
    (await this.list(savePages)).filter((page) => page.spec.record?.startsWith(`${uidStart(job)}-`) === true);

  /** Reason and note of each event on an object of `default`, in no order. */
  async eventsOf(name: string): Promise<readonly { readonly reason: string; readonly note: string }[]> {
    const { items } = await this.api.list<KubeEvent>(events, { namespace: 'default' });
    return items
      .filter((event) => event.regarding?.name === name)
      .map((event) => ({ reason: event.reason ?? '', note: event.note ?? '' }));
  }
}

const uidStart = (job: BackupJob): string => (job.metadata.uid ?? '').slice(0, 8);
