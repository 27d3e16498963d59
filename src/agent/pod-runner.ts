/**
 * One pod from the moment it is seen on this node until its object has gone: judge, prepare, run, report, remove.
 *
 * Order that others rely on: `terminated` is reported only when no process of the pod is left, and the object is let go
 * only after that report has been accepted.
 */
import { isApiError } from '../kube/api.ts';
import { exponentialMs } from '../kube/backoff.ts';
import type { Clock } from '../kube/clock.ts';
import type { Log } from '../kube/log.ts';
import { isConfigProblem } from './config-problem.ts';
import { forgottenState, neverStartedState, terminatedState } from './container-end.ts';
import type { Container, Containers, Ending } from './containers.ts';
import type { Pod, PodIdentity, PodStatus, TerminatedState } from './core-objects.ts';
import { kubeTime, pause } from './kube-time.ts';
import { prepareLaunch, renewAccount, type LaunchSetting } from './launch.ts';
import { judgePod, type Allowances, type Verdict } from './pod-support.ts';
import { endIsKnown, isTerminal, podStatus, withReported, type PodFacts } from './pod-status.ts';
import type { Accepted, PodWrites } from './pod-writes.ts';
import type { PodWish } from './pod-wish.ts';
import { wantsToken } from './service-account.ts';

export interface RunnerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly containers: Containers;
  readonly setting: LaunchSetting;
  readonly allow: Allowances;
  /** The node's own. */
  readonly address: string;
  /** Aborted when the agent lets go of its pods: runners return at once, processes go on. */
  readonly signal: AbortSignal;
}

export interface RunnerPod {
  readonly identity: PodIdentity;
  readonly wish: PodWish;
  readonly writes: PodWrites;
  /** What was last sent to the API. */
  reported?: PodStatus;
}

const startRetry = { baseMs: 250, maxMs: 5000 };
const logCheckMs = 5000;
const tokenRetryMs = 10_000;
const defaultGraceSeconds = 30;

/** Resolves when the pod has gone or the agent lets go of it. */
export const runPod = async (deps: RunnerDeps, pod: RunnerPod, recovered: Container | undefined): Promise<void> => {
  const { signal } = deps;
  if (recovered !== undefined) adoptToken(deps, pod, recovered);
  const end = await runToEnd(deps, pod, recovered);
  pod.wish.rest();
  if (end !== undefined && !endIsKnown(pod.wish.pod) && !signal.aborted) await report(deps, pod, end);
  pod.wish.settle();
  if (signal.aborted) return;
  await releasePod(pod, signal);
  if (pod.wish.gone) deps.containers.remove(pod.identity.uid);
};

/** Facts to report at the end; undefined when the API knows them already or the agent lets go. */
const runToEnd = async (
  deps: RunnerDeps,
  pod: RunnerPod,
  recovered: Container | undefined,
): Promise<PodFacts | undefined> => {
  const { wish } = pod;
  if (recovered === undefined) {
    if (isTerminal(wish.pod.status?.phase)) return undefined;
    const ran = wish.pod.status?.containerStatuses?.find(({ state }) => state.running !== undefined);
    if (ran !== undefined) return terminated(forgottenState(ran.state.running?.startedAt, deps.clock.now()));
  }
  let container = recovered;
  for (;;) {
    container ??= await startPod(deps, pod);
    if (container === undefined) return deps.signal.aborted ? undefined : neverRun(deps, pod);
    const ending = await watchContainer(deps, pod, container);
    if (ending === undefined) return undefined;
    if (ending.kind !== 'neverStarted') return factsOfEnd(deps, pod, container, ending);
    container = undefined;
  }
};

const terminated = (state: TerminatedState): PodFacts => ({ container: { kind: 'terminated', state } });

const report = (deps: RunnerDeps, pod: RunnerPod, facts: PodFacts): Promise<Accepted> => {
  const setting = { address: deps.address, nowMs: deps.clock.now() };
  pod.reported = podStatus(withReported(pod.wish.pod, pod.reported), facts, setting);
  return pod.writes.report(pod.reported);
};

/** Undefined when the pod is not to be started any more, whatever the reason. */
const startPod = async (deps: RunnerDeps, pod: RunnerPod): Promise<Container | undefined> => {
  const { wish, identity } = pod;
  for (let failures = 0; ;) {
    noteStop(deps, pod);
    if (wish.deleted || deps.signal.aborted) return undefined;
    const verdict = judgePod(wish.pod, deps.allow);
    if (verdict.kind === 'unsupported') return undefined;
    if (verdict.kind === 'foreign') reportForeign(deps, pod, verdict);
    if (verdict.kind === 'foreign' || wish.stop !== undefined) {
      // A pod that never ran does not fail because the agent stops: the next agent may run it.
      if (wish.stop !== undefined) wish.settle();
      await changeOrAbort(wish, deps.signal);
      continue;
    }
    try {
      const { launch, renewTokenAtMs } = await prepareLaunch(deps.setting, wish.pod, identity, deps.signal);
      // The pod may have been deleted while its folders and token were made ready.
      if (wish.deleted || wish.stop !== undefined || deps.signal.aborted) continue;
      const container = await deps.containers.start(launch);
      if (renewTokenAtMs !== undefined) void keepToken(deps, pod, container, renewTokenAtMs);
      deps.log.info({ pod: identity.name, uid: identity.uid }, 'container started');
      return container;
    } catch (error) {
      failures += 1;
      if (!deps.signal.aborted) reportStartFailure(deps, pod, error);
      await Promise.race([wish.changed, pause(deps.clock, exponentialMs(failures, startRetry), deps.signal)]);
    }
  }
};

/** Said once: a report wakes the runner again when it comes back by the watch. */
const reportForeign = (deps: RunnerDeps, pod: RunnerPod, { reason, message }: Verdict & { kind: 'foreign' }): void => {
  if (pod.reported !== undefined) return;
  void report(deps, pod, { container: { kind: 'waiting', reason, message } });
};

const reportStartFailure = (deps: RunnerDeps, pod: RunnerPod, error: unknown): void => {
  deps.log.warn({ pod: pod.identity.name, err: error }, 'container could not be started; trying again');
  if (isApiError(error)) {
    void report(deps, pod, { container: { kind: 'waiting', reason: 'ContainerCreating', message: error.message } });
    return;
  }
  const reason = isConfigProblem(error) ? error.code : 'CreateContainerError';
  const message = error instanceof Error ? error.message : String(error);
  void report(deps, pod, { container: { kind: 'waiting', reason, message } });
};

/** Why a pod that never ran ends; undefined when nothing is to be said since its object has gone. */
const neverRun = (deps: RunnerDeps, { wish }: RunnerPod): PodFacts | undefined => {
  if (wish.gone) return undefined;
  const verdict = judgePod(wish.pod, deps.allow);
  if (verdict.kind === 'unsupported') {
    const { reason, message } = verdict;
    return { ...terminated(neverStartedState(message)), reason, message, failed: true };
  }
  return { ...terminated(neverStartedState('the pod was deleted before its container was started')), failed: true };
};

/** Undefined when the agent lets go of the pod before it ends. */
const watchContainer = async (deps: RunnerDeps, pod: RunnerPod, container: Container): Promise<Ending | undefined> => {
  const { wish, identity } = pod;
  const { clock, signal } = deps;
  let isTold = false;
  let ending: Ending | undefined;
  const ended = container.ended.then((how) => {
    ending = how;
  });
  let terminating = false;
  let killing = false;
  while (ending === undefined && !signal.aborted) {
    if (shouldTellRunning(wish.pod, isTold)) {
      void report(deps, pod, { container: { kind: 'running', startedAtMs: container.startedAtMs } });
    }
    isTold = true;
    noteStop(deps, pod);
    const killAtMs = wish.gone ? 0 : wish.stop?.killAtMs;
    if (killAtMs !== undefined && !terminating && killAtMs > clock.now()) {
      terminating = true;
      deps.log.info({ pod: identity.name, uid: identity.uid }, 'asking the container to end');
      container.terminate();
    }
    if (killAtMs !== undefined && !killing && killAtMs <= clock.now()) {
      killing = true;
      deps.log.info({ pod: identity.name, uid: identity.uid }, 'killing the container');
      container.kill();
    }
    boundLogs(deps, container);
    const waiting = new AbortController();
    const nextMs = killAtMs === undefined || killing ? logCheckMs : killAtMs - clock.now();
    await Promise.race([
      ended,
      wish.changed,
      pause(
        clock,
        Math.min(logCheckMs, deadlineIn(deps, wish.pod, container), nextMs),
        AbortSignal.any([waiting.signal, signal]),
      ),
    ]);
    waiting.abort();
    noteDeadline(deps, pod, container);
  }
  return ending;
};

/**
 * An adopted container may have ended, and its end may have been reported: a report never goes back. One that runs is
 * told again when somebody has taken its readiness away, as the node controller does with a node that it does not hear.
 */
const shouldTellRunning = ({ status }: Pod, isTold: boolean): boolean => {
  const states = (status?.containerStatuses ?? []).map(({ state }) => state);
  if (states.some(({ terminated: end }) => end !== undefined)) return false;
  const isRunning = states.some(({ running }) => running !== undefined);
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  return isRunning ? !isReady : !isTold;
};

const boundLogs = ({ containers, log }: RunnerDeps, { pod, name }: Container): void => {
  try {
    containers.rotateLogs(pod.uid, name);
  } catch (error) {
    log.warn({ pod: pod.name, err: error }, 'the log was not turned over');
  }
};

/** Takes the deletion of the pod as the order to stop it. */
const noteStop = (deps: RunnerDeps, { wish }: RunnerPod): void => {
  if (wish.pod.metadata?.deletionTimestamp === undefined) return;
  const graceSeconds = wish.pod.metadata.deletionGracePeriodSeconds ?? graceOf(wish.pod);
  // Another look at the same deletion gives a later time, which `end` ignores; a shortened grace gives an earlier one.
  wish.end({ killAtMs: deps.clock.now() + graceSeconds * 1000 });
};

export const graceOf = (pod: Pod): number => pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;

const deadlineIn = (deps: RunnerDeps, { spec }: Pod, { startedAtMs }: Container): number =>
  spec?.activeDeadlineSeconds === undefined
    ? logCheckMs
    : Math.max(0, startedAtMs + spec.activeDeadlineSeconds * 1000 - deps.clock.now());

const noteDeadline = (deps: RunnerDeps, { wish }: RunnerPod, container: Container): void => {
  const seconds = wish.pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || wish.stop !== undefined || deadlineIn(deps, wish.pod, container) > 0) return;
  wish.end({
    killAtMs: deps.clock.now() + graceOf(wish.pod) * 1000,
    because: {
      reason: 'DeadlineExceeded',
      message: `the pod was active for longer than its ${seconds} s`,
      failed: true,
    },
  });
};

const factsOfEnd = (
  deps: RunnerDeps,
  { wish, identity }: RunnerPod,
  container: Container,
  ending: Exclude<Ending, { kind: 'neverStarted' }>,
): PodFacts => {
  const spec = wish.pod.spec?.containers[0];
  const failed = ending.kind === 'lost' || ending.exitCode !== 0;
  const fallBack = failed && spec?.terminationMessagePolicy === 'FallbackToLogsOnError';
  const message = deps.containers.readTerminationMessage(identity.uid, {
    logOf: fallBack ? container.name : undefined,
  });
  const state = terminatedState(ending, container.startedAtMs, message);
  deps.log.info(
    {
      pod: identity.name,
      uid: identity.uid,
      exitCode: state.exitCode,
      reason: state.reason,
      finished: kubeTime(deps.clock.now()),
    },
    'container ended',
  );
  const { because } = wish.stop ?? {};
  return because === undefined ? terminated(state) : { ...terminated(state), ...because };
};

/** Waits for the pod's deletion, lets the object go, and waits until it has gone: others may still hold it. */
const releasePod = async ({ wish, writes }: RunnerPod, signal: AbortSignal): Promise<void> => {
  while (!wish.deleted && !signal.aborted) await changeOrAbort(wish, signal);
  if (!wish.gone && !signal.aborted) await writes.remove();
  while (!wish.gone && !signal.aborted) await changeOrAbort(wish, signal);
};

const changeOrAbort = (wish: PodWish, signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const finish = (): void => {
    signal.removeEventListener('abort', finish);
    resolve();
  };
  signal.addEventListener('abort', finish, { once: true });
  void wish.changed.then(finish);
  return promise;
};

/** Renews the account's token as long as the container runs. */
const keepToken = async (
  deps: RunnerDeps,
  { wish, identity }: RunnerPod,
  container: Container,
  firstAtMs: number,
): Promise<void> => {
  const over = new AbortController();
  void container.ended.then(() => over.abort());
  const signal = AbortSignal.any([over.signal, deps.signal]);
  let nextAtMs = firstAtMs;
  while (!signal.aborted) {
    await pause(deps.clock, nextAtMs - deps.clock.now(), signal);
    if (signal.aborted) return;
    nextAtMs = await renewAccount(deps.setting, wish.pod, identity, signal).catch((error: unknown) => {
      if (!signal.aborted) deps.log.warn({ pod: identity.name, err: error }, 'the token was not renewed; trying again');
      return deps.clock.now() + tokenRetryMs;
    });
  }
};

/** For a container that an earlier agent started: its token's age is not known, so it is renewed now. */
const adoptToken = (deps: RunnerDeps, pod: RunnerPod, container: Container): void => {
  if (wantsToken(pod.wish.pod)) void keepToken(deps, pod, container, deps.clock.now());
};
