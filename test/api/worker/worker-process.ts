import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TerminationMessage, WorkerOrder } from '../../../src/api/worker-order.ts';

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly message: TerminationMessage | undefined;
  readonly log: string;
}

export interface RunningWorker {
  readonly child: ChildProcess;
  readonly ended: Promise<WorkerEnd>;
  kill(signal: NodeJS.Signals): void;
}

export interface WorkerFolders {
  readonly source?: string;
  readonly target?: string;
  readonly library?: string;
  readonly catalogue?: string;
}

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'worker', 'main.ts');

/** A worker as a kubelet or node agent would start it. It is killed with the test, if it has not ended before. */
export const startWorker = (order: WorkerOrder, kubeconfig: string, folders: WorkerFolders): RunningWorker => {
  const scratch = mkdtempSync(join(tmpdir(), 'twinreel-worker-'));
  const terminationLog = join(scratch, 'termination-log');
  const mounts: Record<string, string> = {};
  for (const [name, folder] of Object.entries<string | undefined>({ ...folders }))
    if (folder !== undefined) mounts[`TWINREEL_${name.toUpperCase()}`] = folder;
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      TWINREEL_ORDER: JSON.stringify(order),
      TWINREEL_KUBECONFIG: kubeconfig,
      TWINREEL_TERMINATION_LOG: terminationLog,
      ...mounts,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, 'close').then((): WorkerEnd => {
    const message: TerminationMessage | undefined = existsSync(terminationLog)
      ? readMessage(terminationLog)
      : undefined;
    return { code: child.exitCode, signal: child.signalCode, message, log };
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(scratch, { recursive: true, force: true });
  });
  return { child, ended, kill: (signal) => child.kill(signal) };
};

export const runWorker = (order: WorkerOrder, kubeconfig: string, folders: WorkerFolders): Promise<WorkerEnd> =>
  startWorker(order, kubeconfig, folders).ended;

const isMessage = (value: unknown): value is TerminationMessage =>
  typeof value === 'object' && value !== null && 'outcome' in value;

const readMessage = (path: string): TerminationMessage => {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isMessage(value)) throw new TypeError('no termination message');
  return value;
};
