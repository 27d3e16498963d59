/** From `kubectl apply` to Complete on a local installation, for the cases that take the whole system. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runKubectl } from '../dev/controlplane/kubectl.ts';
import { down } from '../dev/local/down.ts';
import { layoutOf } from '../dev/local/layout.ts';
import { readProcessTable } from '../dev/local/process-table.ts';
import { up } from '../dev/local/up.ts';
import { backupJobs } from '../src/api/resources.ts';
import { loadKubeConfig } from '../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../src/kube/rest-api.ts';
import type { Measured } from './measure.ts';

const pollMs = 20;
/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface WholeBackup {
  readonly source: string;
  readonly segmentBytes: number;
}

/** One server, one library with one drive and one tape: what tar has, with everything around it. */
export class WholeSystem {
  readonly #folder: string;
  readonly #api: RestApi;
  #jobs = 0;

  private constructor(folder: string, api: RestApi) {
    this.#folder = folder;
    this.#api = api;
  }

  /** @param tapeSizeBytes  of the one tape, which takes all backups one behind the other */
  static async start(folder: string, tapeSizeBytes: number): Promise<WholeSystem> {
    const given = { servers: 1, libraries: 1, drives: 1, slots: 1, switches: 1, tapeSizeBytes };
    const { signal } = new AbortController();
    await up({ folder, given, withOperator: true, log: () => undefined, signal });
    const kubeConfig = await loadKubeConfig({ kubeconfig: layoutOf(folder).kubeconfig });
    return new WholeSystem(folder, makeRestApi({ kubeConfig, userAgent: 'twinreel-bench' }));
  }

  async stop(): Promise<void> {
    this.#api.close();
    await down(this.#folder, () => undefined);
  }

  /** One route, one copy, as tar makes one. @throws Error when the job does not succeed */
  async backUp(backup: WholeBackup): Promise<Measured> {
    this.#jobs += 1;
    const name = `bench-${this.#jobs}`;
    const cpuBefore = this.#cpuSeconds();
    const startMs = performance.now();
    await this.#apply(manifestOf(name, backup));
    await this.#untilComplete(name);
    const seconds = (performance.now() - startMs) / 1000;
    return { seconds, cpuSeconds: this.#cpuSeconds() - cpuBefore };
  }

  async #apply(input: string): Promise<void> {
    const { executables, kubeconfig } = layoutOf(this.#folder);
    const executable = join(executables, 'kubectl');
    const cacheFolder = join(this.#folder, 'kubectl-cache');
    const applied = await runKubectl({ executable, kubeconfig, cacheFolder, args: ['apply', '-f', '-'], input });
    if (applied.code !== 0) throw new Error(`kubectl apply: ${applied.stderr}`);
  }

  async #untilComplete(name: string): Promise<void> {
    for (;;) {
      const { status } = await this.#api.get(backupJobs, { namespace: 'default', name });
      const isTrue = (type: string): boolean =>
        (status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');
      if (isTrue('Complete')) return;
      if (isTrue('Failed')) throw new Error(`${name}: ${status?.reason ?? ''}: ${status?.message ?? ''}`);
      await sleep(pollMs);
    }
  }

  /** Of all processes of the installation, control plane included, and of the workers that they have waited for. */
  #cpuSeconds(): number {
    const entries = readProcessTable(join(this.#folder, 'processes.json'));
    return entries.reduce((sum, { pid }) => sum + cpuTicks(pid), 0) / ticksPerSecond;
  }
}

/** utime, stime, cutime and cstime of proc_pid_stat(5). */
const cpuTicks = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
};

const manifestOf = (name: string, { source, segmentBytes }: WholeBackup): string =>
  JSON.stringify({
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupJob',
    metadata: { name, namespace: 'default' },
    spec: {
      source: { hostPath: { path: source } },
      routes: 1,
      copies: 1,
      segmentSize: `${segmentBytes / 2 ** 20}Mi`,
    },
  });
