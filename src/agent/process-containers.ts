/** Containers as processes of this machine; see `supervisor-script.ts` for how one is started and watched. */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { Clock } from '../kube/clock.ts';
import { sleep } from '../kube/clock.ts';
import type { Container, Containers, Ending, Launch } from './containers.ts';
import { keepEndedLog } from './ended-logs.ts';
import { rotateLog } from './log-rotation.ts';
import { logFile, podFolder, podsFolder, type PodFolder } from './pod-folder.ts';
import { findOtherProcesses, findPodProcesses, markEnvironment, signalProcess, type PodMark } from './pod-processes.ts';
import { isAlive, listProcesses, readOomKills, readProcess, type ProcessStat } from './proc.ts';
import { readProcessRecord, writeProcessRecord, type ProcessRecord } from './process-record.ts';
import { supervisorScript } from './supervisor-script.ts';
import { readMessage } from './termination-message.ts';

export interface ProcessContainersOptions {
  readonly stateFolder: string;
  readonly bootID: string;
  readonly clock: Clock;
}

/** How often an adopted shell is looked at: it is nobody's child, so nothing tells of its end. */
const adoptedPollMs = 40;
const killPollMs = 10;
/** A process that sits in the kernel, as one at a tape drive can, dies when the drive answers. */
const slowKillPollMs = 200;
/** A shell whose container is dead needs no longer than this to write down the end. */
const supervisorGraceMs = 2000;
/** A shell reports a death by signal as 128 + the signal's number. */
const signalBase = 128;
const highestSignal = 64;

export const makeProcessContainers = ({ stateFolder, bootID, clock }: ProcessContainersOptions): Containers => {
  const mark = (uid: string): PodMark => ({ uid, stateFolder });

  const killAll = async (find: () => readonly ProcessStat[]): Promise<void> => {
    for (let waitMs = killPollMs; ; waitMs = Math.min(waitMs * 2, slowKillPollMs)) {
      const rest = look(find);
      if (rest?.length === 0) return;
      for (const found of rest ?? []) signalProcess(found, 'SIGKILL');
      await sleep(clock, waitMs);
    }
  };

  /** Ends everything of the pod but `spare`, and returns when nothing but it is alive. */
  const sweep = (uid: string, session: number | undefined, spare?: number): Promise<void> =>
    killAll(() => findPodProcesses(mark(uid), session).filter((found) => found.pid !== spare));

  const recorded = (): readonly string[] => {
    mkdirSync(podsFolder(stateFolder), { recursive: true, mode: 0o700 });
    return readdirSync(podsFolder(stateFolder));
  };

  /** @param supervisorEnded resolves with the shell's exit code, undefined where that can't be known */
  const watch = (record: ProcessRecord, supervisorEnded: Promise<number | undefined>): Container => {
    const { uid } = record.pod;
    const folder = podFolder(stateFolder, uid);
    const supervisorAlive = () => isAlive(record.pid, record.startTime);
    // A session's number stays taken as long as one process of it lives. Seen alive now it is this pod's until the end;
    // seen dead it may be another's by now, and only the mark tells.
    const session = supervisorAlive() ? record.pid : undefined;

    const ended = supervisorEnded.then(async (exitCode): Promise<Ending> => {
      await sweep(uid, session);
      return readEnding({ folder, record, sameBoot: record.bootID === bootID, exitCode, nowMs: clock.now() });
    });

    const terminate = async (): Promise<void> => {
      while (supervisorAlive()) {
        const children = look(listProcesses)?.filter((found) => found.parent === record.pid) ?? [];
        for (const child of children) signalProcess(child, 'SIGTERM');
        if (children.length > 0) return;
        await sleep(clock, killPollMs);
      }
    };

    const kill = async (): Promise<void> => {
      const giveUpMs = clock.now() + supervisorGraceMs;
      do {
        await sweep(uid, session, record.pid);
        await sleep(clock, killPollMs);
      } while (supervisorAlive() && clock.now() < giveUpMs);
      await sweep(uid, session);
    };

    return {
      pod: record.pod,
      name: record.container,
      startedAtMs: record.startedAtMs,
      ended,
      terminate: () => void terminate(),
      kill: () => void kill(),
    };
  };

  const pollEnd = async (record: ProcessRecord): Promise<undefined> => {
    while (isAlive(record.pid, record.startTime)) await sleep(clock, adoptedPollMs);
    return undefined;
  };

  return {
    start: async (launch) => {
      const folder = podFolder(stateFolder, launch.pod.uid);
      prepareFolder(folder);
      const { pid, input, exited } = spawnSupervisor(folder, launch, markEnvironment(mark(launch.pod.uid)));
      const stat = pid === undefined ? undefined : readProcess(pid);
      if (stat === undefined) {
        input?.destroy();
        throw new Error('the supervising shell could not be started', { cause: (await exited).error });
      }
      const record: ProcessRecord = {
        pod: launch.pod,
        container: launch.container,
        pid: stat.pid,
        startTime: stat.startTime,
        bootID,
        startedAtMs: clock.now(),
        oomKills: readOomKills(),
      };
      try {
        writeProcessRecord(folder.record, record);
      } catch (error) {
        // Without the line on its input the shell ends without having run anything.
        input?.destroy();
        throw error;
      }
      input?.end('go\n');
      return watch(
        record,
        exited.then(({ code }) => code),
      );
    },

    recorded,

    endUnrecorded: () => {
      const uids = recorded();
      return killAll(() => findOtherProcesses(stateFolder, uids));
    },

    recover: async (uid) => {
      const folder = podFolder(stateFolder, uid);
      const record = readProcessRecord(folder.record);
      if (record === undefined) {
        await sweep(uid, undefined);
        return undefined;
      }
      if (record.bootID !== bootID) return watch({ ...record, pid: 0 }, Promise.resolve(undefined));
      while (isAlive(record.pid, record.startTime) && !existsSync(folder.started)) await sleep(clock, killPollMs);
      return watch(record, pollEnd(record));
    },

    readTerminationMessage: (uid, { logOf }) => {
      const folder = podFolder(stateFolder, uid);
      return readMessage({
        terminationLog: folder.terminationLog,
        fallbackLog: logOf === undefined ? undefined : logFile(folder, logOf),
      });
    },

    rotateLogs: (uid, container) => {
      rotateLog(logFile(podFolder(stateFolder, uid), container));
    },

    remove: (uid) => {
      const folder = podFolder(stateFolder, uid);
      const record = readProcessRecord(folder.record);
      if (record !== undefined) keepEndedLog(stateFolder, record.pod, logFile(folder, record.container));
      rmSync(folder.root, { recursive: true, force: true });
    },
  };
};

const ignore = (): void => undefined;

/** Undefined when `/proc` can't be read now, as without a free file descriptor: then nothing is proven. */
const look = (find: () => readonly ProcessStat[]): readonly ProcessStat[] | undefined => {
  try {
    return find();
  } catch {
    return undefined;
  }
};

const prepareFolder = (folder: PodFolder): void => {
  for (const path of [folder.root, folder.work, folder.logs]) mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const path of [folder.record, folder.started, folder.exit]) rmSync(path, { force: true });
  writeFileSync(folder.terminationLog, '', { mode: 0o600 });
};

interface SupervisorExit {
  /** Undefined when it was killed by a signal or never ran. */
  readonly code: number | undefined;
  readonly error?: Error;
}

const spawnSupervisor = (folder: PodFolder, launch: Launch, mark: Readonly<Record<string, string>>) => {
  const { command } = launch;
  writeFileSync(folder.script, supervisorScript({ command, startedFile: folder.started, exitFile: folder.exit }), {
    mode: 0o700,
  });
  const log = openSync(logFile(folder, launch.container), 'a', 0o600);
  try {
    const child = spawn('/bin/sh', [folder.script], {
      // A session of its own: it outlives the agent, and all of it can be found and ended.
      detached: true,
      cwd: launch.workingFolder ?? folder.work,
      env: { ...launch.env, ...mark },
      stdio: ['pipe', log, log],
    });
    const exited = new Promise<SupervisorExit>((resolve) => {
      child.once('error', (error) => resolve({ code: undefined, error }));
      child.once('exit', (code) => resolve({ code: code ?? undefined }));
    });
    // A shell that has ended early breaks the pipe; its end says so already.
    child.stdin?.on('error', ignore);
    child.unref();
    return { pid: child.pid, input: child.stdin, exited };
  } finally {
    closeSync(log);
  }
};

interface Remains {
  readonly folder: PodFolder;
  readonly record: ProcessRecord;
  readonly sameBoot: boolean;
  readonly exitCode: number | undefined;
  readonly nowMs: number;
}

const readEnding = ({ folder, record, sameBoot, exitCode, nowMs }: Remains): Ending => {
  const started = existsSync(folder.started);
  // The file says it also to an agent that came later; the shell's own code says it also when the disk is full.
  const seen = started && exitCode !== undefined ? { exitCode, finishedAtMs: nowMs } : undefined;
  const exit = readExit(folder.exit) ?? seen;
  if (exit !== undefined) return { kind: 'exited', ...exit, ...explainExit(exit.exitCode, record) };
  if (!started) return { kind: 'neverStarted' };
  const message = sameBoot
    ? 'the process that watched the container was killed; every process of the pod has been ended'
    : 'the machine was started anew while the container ran';
  return { kind: 'lost', message, finishedAtMs: nowMs };
};

type ExitReason = Pick<Extract<Ending, { kind: 'exited' }>, 'signal' | 'reason'>;

const explainExit = (exitCode: number, record: ProcessRecord): ExitReason => {
  const signal = exitCode - signalBase;
  if (signal < 1 || signal > highestSignal) return { reason: exitCode === 0 ? 'Completed' : 'Error' };
  // The kernel kills with SIGKILL and counts it; it does not say whom it killed, so this is an inference.
  const outOfMemory = signal === 9 && readOomKills() > record.oomKills;
  return { signal, reason: outOfMemory ? 'OOMKilled' : 'Error' };
};

const readExit = (path: string): { readonly exitCode: number; readonly finishedAtMs: number } | undefined => {
  try {
    const [, code] = /^(\d{1,3})\n$/.exec(readFileSync(path, 'latin1')) ?? [];
    return code === undefined ? undefined : { exitCode: Number(code), finishedAtMs: statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
};
