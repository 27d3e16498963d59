import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { type ProcessIdentity, readIdentity } from './process-identity.ts';
import { endProcesses } from './process-end.ts';

/** How to start one long-running process of ours. */
export interface DaemonCommand {
  readonly role: string;
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Output and errors are appended here. */
  readonly logFile: string;
}

export interface Daemon {
  readonly command: DaemonCommand;
  readonly identity: ProcessIdentity;
  /** Settles when the process is gone, with its exit code or the signal that ended it; never rejects. */
  readonly exited: Promise<string>;
  hasExited(): boolean;
  /** Sends the signal, SIGKILL after the bound, and returns when the process is gone. */
  stop(first: 'SIGTERM' | 'SIGKILL', boundMs: number): Promise<void>;
}

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => existsSync(file));

/**
 * Starts a process in a session of its own, so that Ctrl-C at the terminal reaches only its starter.
 * @param diesWithParent the kernel kills it when this process ends in whatever way (Linux only)
 * @throws Error when the command can't be executed
 */
export async function startDaemon(command: DaemonCommand, diesWithParent: boolean): Promise<Daemon> {
  mkdirSync(path.dirname(command.logFile), { recursive: true });
  const log = openSync(command.logFile, 'a', 0o600);
  const wrap = diesWithParent && setpriv !== undefined;
  const child = spawn(
    wrap ? setpriv : command.command,
    wrap ? ['--pdeathsig', 'KILL', '--', command.command, ...command.args] : [...command.args],
    { detached: true, stdio: ['ignore', log, log], env: { ...process.env, ...command.env } },
  );
  closeSync(log);
  let gone = false;
  const exited = new Promise<string>((resolve) =>
    child.once('exit', (code, signalName) => {
      gone = true;
      resolve(signalName ?? `exit code ${code ?? 'unknown'}`);
    }),
  );
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', reject);
  });
  child.unref();
  // Gone already: any identity that matches nothing will do.
  const identity = readIdentity(pid) ?? { pid, startTicks: 'gone', bootId: 'gone' };
  return {
    command,
    identity,
    exited,
    hasExited: () => gone,
    async stop(first, boundMs) {
      if (gone) return;
      child.ref(); // or this process might end before the news of the exit arrives
      await endProcesses([identity], first, boundMs);
      await exited;
    },
  };
}
