import type { TerminationMessage, WorkerOrder, WorkerRole } from '../api/worker-order.ts';
import { readFolders, type NotedFacts, type RoleContext } from './environment.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import { parseOrder } from './order.ts';
import { describeEnd, succeeded, writeTermination, type RoleResult } from './termination.ts';

export const usage = `twinreel worker: one action of one backup or restore, then it ends

It is started by the operator in a pod and takes no arguments. Environment:
  TWINREEL_ORDER                what to do, JSON (src/api/worker-order.ts)
  TWINREEL_SOURCE               folder in which lies what is backed up
  TWINREEL_TARGET               folder in which lies what is restored into
  TWINREEL_LIBRARY              folder of a virtual library
  TWINREEL_CATALOGUE            folder that keeps the indexes of segments
  TWINREEL_KUBECONFIG           how to reach the API; else the pod's service account
  TWINREEL_SERVICE_ACCOUNT_DIR  where that lies, if not in its usual place
  TWINREEL_TERMINATION_LOG      where the last words go (JSON); default /dev/termination-log
  TWINREEL_LOG_LEVEL            debug, info, warn or error; default info

Exit codes: 0 done, 1 bug, 2 order, 10 source, 11 target, 20 drive, 21 tape, 22 tape full, 23 changer, 24 route,
30 server, 31 API, 143 stopped.
`;

/** Time from SIGTERM to the end of the process, whatever its threads are blocked in. */
const stopGraceMs = 2_000;

/** A server that takes connections and says nothing counts as away after so long. */
const requestTimeoutMs = 10_000;

/** An API server that starts refuses what it will allow once it has read its roles: seconds, not minutes. */
const refusalPatienceMs = 30_000;

/** Modules are loaded by the role that needs them: a worker lives for one action and shall begin it at once. */
const runRole = async (order: WorkerOrder, context: RoleContext): Promise<RoleResult> => {
  switch (order.role) {
    case 'inventory':
      return (await import('./inventory.ts')).runInventory(order, context);
    case 'load':
      return (await import('./load.ts')).runLoad(order, context);
    case 'unload':
      return (await import('./unload.ts')).runUnload(order, context);
    case 'plan':
      return (await import('./plan.ts')).runPlan(order, context);
    case 'backup':
      return (await import('./backup.ts')).runBackup(order, context);
    case 'restore':
      return (await import('./restore.ts')).runRestore(order, context);
    case 'verify':
      return (await import('./verify.ts')).runVerify(order, context);
  }
};

const openApi = async (env: NodeJS.ProcessEnv) => {
  const [{ makeRestApi }, { loadKubeConfig }, { patientApi }, { realClock }] = await Promise.all([
    import('../kube/rest-api.ts'),
    import('../kube/kube-config.ts'),
    import('./patient-api.ts'),
    import('../kube/clock.ts'),
  ]);
  const kubeconfig = env['TWINREEL_KUBECONFIG'];
  try {
    const kubeConfig = await loadKubeConfig({ env, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
    const api = makeRestApi({ kubeConfig, userAgent: 'twinreel-worker', requestTimeoutMs });
    return patientApi(api, realClock, refusalPatienceMs);
  } catch (cause) {
    const message = `No way to the API: ${cause instanceof Error ? cause.message : String(cause)}.`;
    throw new WorkerFailure({ reason: 'ApiUnreachable', fault: 'api', message, cause });
  }
};

interface End {
  readonly message: TerminationMessage;
  readonly exitCode: number;
}

/** Resolves however the action ends, also when it does not react to its signal in time. */
const act = async (order: WorkerOrder, env: NodeJS.ProcessEnv): Promise<End> => {
  let noted: NotedFacts = {};
  const stop = new AbortController();
  const { promise: overdue, resolve: giveUp } = Promise.withResolvers<WorkerStopped>();
  process.once('SIGTERM', () => {
    const reason = new WorkerStopped('Terminated', 'the worker was told to end');
    stop.abort(reason);
    setTimeout(() => giveUp(reason), stopGraceMs);
  });
  try {
    const [{ openLog }, api] = await Promise.all([import('./open-log.ts'), openApi(env)]);
    const log = openLog(order, env);
    const note = (facts: NotedFacts): void => void (noted = { ...noted, ...facts });
    const context: RoleContext = { folders: readFolders(env), api, log, stop: stop.signal, note };
    const late = overdue.then((reason) => Promise.reject(reason));
    const result = await Promise.race([runRole(order, context), late]);
    log.info({ ...result }, 'done');
    return { message: succeeded(order.role, result), exitCode: 0 };
  } catch (error) {
    const end = describeEnd(order.role, stop.signal.aborted ? stop.signal.reason : error, noted);
    if (end.message.outcome === 'failed') process.stdout.write(`${JSON.stringify(errorLine(order, error))}\n`);
    return end;
  }
};

/** Written by hand: the logger itself may be what failed. 50 is pino's `error`. */
const errorLine = (order: WorkerOrder, err: unknown): object => ({
  level: 50,
  time: Date.now(),
  role: order.role,
  pod: order.pod,
  msg: err instanceof Error ? err.message : String(err),
  stack: err instanceof Error ? err.stack : undefined,
});

/** An order that can't be read has no role; the message says what is wrong with it. */
const refuse = (error: unknown): End => {
  const unread: WorkerRole = 'inventory';
  return describeEnd(unread, error);
};

/** Does what `TWINREEL_ORDER` says. @returns the exit code; the termination message is written */
export const runWorker = async (env: NodeJS.ProcessEnv): Promise<number> => {
  let end: End;
  try {
    end = await act(parseOrder(env['TWINREEL_ORDER']), env);
  } catch (error) {
    end = refuse(error);
    process.stderr.write(`${end.message.message}\n`);
  }
  writeTermination(end.message, env);
  return end.exitCode;
};
