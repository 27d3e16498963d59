import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from '../controlplane/binaries.ts';
import { isAlive, type ProcessIdentity, readIdentity } from '../processes/process-identity.ts';
import { stopEverything } from './down.ts';
import { type Layout, layoutOf } from './layout.ts';
import { prepareLibraries } from './libraries.ts';
import { withLocalLock } from './local-lock.ts';
import { markEnvironment } from './marks.ts';
import { type LocalOptions, settleOptions } from './options.ts';
import { readProcessTable } from './process-table.ts';
import { readStatus, writeStatus } from './status.ts';

export class UpError extends Error {
  readonly code = 'NOT_UP';
}

export interface UpOptions {
  readonly folder: string;
  readonly given: Partial<LocalOptions>;
  readonly withOperator: boolean;
  readonly log: (line: string) => void;
  /** Aborted: what was started is stopped again. */
  readonly signal: AbortSignal;
}

const pollMs = 200;

/**
 * Starts everything in the background and returns when it is ready; a no-op when it is up already.
 * @throws UpError, OptionsChangedError, BinariesNotFoundError; nothing runs then
 */
export async function up({ folder, given, withOperator, log, signal }: UpOptions): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const layout = layoutOf(realpathSync(folder));
  await withLocalLock(layout, log, async () => {
    const options = settleOptions(layout, given);
    const running = findSupervisor(layout);
    const { phase } = readStatus(layout);
    if (running !== undefined && phase === 'ready') {
      log(`${layout.folder} is up already`);
      return;
    }
    try {
      if (running !== undefined && phase === 'starting') {
        // An earlier `up` was killed while it waited.
        await waitForSupervisor(layout, running, log, signal);
        return;
      }
      const binaries = await findBinaries({ log, signal });
      linkExecutable(layout, 'kubectl', binaries.kubectl);
      await prepareLibraries(layout, options, log, () => new Date());
      await startSupervisor(layout, withOperator, log, signal);
    } catch (error) {
      await stopEverything(layout);
      throw error;
    }
  });
}

function linkExecutable(layout: Layout, name: string, target: string): void {
  mkdirSync(layout.executables, { recursive: true });
  const link = path.join(layout.executables, name);
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

function findSupervisor(layout: Layout): ProcessIdentity | undefined {
  const entry = readProcessTable(layout.processes).find((one) => one.role === 'supervisor');
  return entry !== undefined && isAlive(entry) ? entry : undefined;
}

async function startSupervisor(
  layout: Layout,
  withOperator: boolean,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(layout.logs, { recursive: true });
  writeStatus(layout, { phase: 'starting', doing: 'the supervisor' });
  const output = openSync(layout.supervisorLog, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [
      path.join(import.meta.dirname, 'main.ts'),
      'supervise',
      '--state',
      layout.folder,
      ...(withOperator ? [] : ['--no-operator']),
    ],
    {
      // It must outlive this process and its terminal, and hold no folder busy.
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...markEnvironment(layout) },
    },
  );
  closeSync(output);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  const supervisor = child.pid === undefined ? undefined : readIdentity(child.pid);
  await waitForSupervisor(layout, supervisor, log, signal);
}

async function waitForSupervisor(
  layout: Layout,
  supervisor: ProcessIdentity | undefined,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let said = '';
  for (;;) {
    // Looked at first: what it wrote before it ended is there to be read then.
    const alive = supervisor !== undefined && isAlive(supervisor);
    const status = readStatus(layout);
    switch (status.phase) {
      case 'starting':
        if (status.doing !== said) log(`starting: ${status.doing}`);
        said = status.doing;
        break;
      case 'ready':
        for (const warning of status.warnings) log(`not usable: ${warning}`);
        return;
      case 'failed':
        throw new UpError(status.reason);
      case 'stopped':
        throw new UpError('the supervisor was told to stop');
    }
    if (!alive) throw new UpError(`the supervisor has ended; the end of ${layout.supervisorLog}:\n${endOf(layout)}`);
    await sleep(pollMs, undefined, { signal });
  }
}

function endOf(layout: Layout): string {
  return readFileSync(layout.supervisorLog, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}
