/** All pods of this node: gives each a runner, ends what has lost its pod, and ends them all when the agent stops. */
import type { Clock } from '../kube/clock.ts';
import type { Informer } from '../kube/informer.ts';
import type { Container, Containers } from './containers.ts';
import { podIdentity, type Pod } from './core-objects.ts';
import { pause } from './kube-time.ts';
import { graceOf, runPod, type RunnerDeps } from './pod-runner.ts';
import { PodWish } from './pod-wish.ts';
import { makePodWrites, type PodWritesDeps } from './pod-writes.ts';
import { recoverOne, type Recovered } from './recovery.ts';

export interface PodGroup {
  /** Takes up all pods that the cache knows, ends what has lost its pod, and follows the changes. */
  begin(): void;
  /** Ends all pods within their grace and resolves when that is reported, or can't be. */
  end(): Promise<void>;
}

export interface PodGroupDeps {
  readonly runner: RunnerDeps;
  readonly writes: PodWritesDeps;
  readonly informer: Informer<Pod>;
  readonly recovered: Recovered;
  /** The longest grace that a pod gets when the agent stops. */
  readonly killGraceMs: number;
}

/** How long a stopping agent tries to tell the API what became of its pods; what it can't tell, the next agent does. */
export const lastReportMs = 5000;
/** A process that SIGKILL does not end within this sits in the kernel; the next agent goes on with it. */
const killMarginMs = 5000;
const recoverAgainMs = 5000;

export const makePodGroup = ({ runner, writes, informer, recovered, killGraceMs }: PodGroupDeps): PodGroup => {
  const { clock, log, containers, signal } = runner;
  const wishes = new Map<string, PodWish>();
  const orphans: Promise<void>[] = [];

  const see = (pod: Pod): void => {
    const identity = podIdentity(pod.metadata);
    if (identity === undefined) return;
    const { uid } = identity;
    const known = wishes.get(uid);
    if (known !== undefined) {
      known.see(pod);
      return;
    }
    if (recovered.unclear.has(uid)) return;
    const wish = new PodWish(pod);
    wishes.set(uid, wish);
    const container = recovered.containers.get(uid);
    recovered.containers.delete(uid);
    void runPod(runner, { identity, wish, writes: makePodWrites(writes, identity) }, container)
      .then(
        () => wishes.delete(uid),
        // The pod stays known, so that no second runner can start what may still run; the next agent recovers it.
        (error: unknown) => log.error({ pod: identity.name, uid, err: error }, 'the runner of the pod failed'),
      )
      .finally(() => wish.settle());
  };

  const vanish = (pod: Pod): void => wishes.get(pod.metadata?.uid ?? '')?.vanish();

  /** The pod went while no agent was here: nobody waits for a report. */
  const endLeft = (uid: string): void => {
    const container = recovered.containers.get(uid);
    recovered.containers.delete(uid);
    if (container !== undefined) orphans.push(endOrphan(container));
    else if (!wishes.has(uid)) forget(containers, log, uid);
  };

  const endOrphan = async (container: Container): Promise<void> => {
    log.info({ pod: container.pod.name, uid: container.pod.uid }, 'killing the container of a pod that has gone');
    await endContainer(container, log);
    forget(containers, log, container.pod.uid);
  };

  const lookAgain = async (uid: string): Promise<void> => {
    do await pause(clock, recoverAgainMs, signal);
    while (!signal.aborted && !(await recoverOne(containers, log, recovered, uid)));
    if (signal.aborted) return;
    const pod = informer.store.list().find(({ metadata }) => metadata?.uid === uid);
    if (pod === undefined) endLeft(uid);
    else see(pod);
  };

  return {
    begin: () => {
      informer.addHandler((event) => {
        if (event.kind === 'deleted') vanish(event.object);
        else see(event.object);
      });
      for (const uid of containers.recorded()) {
        if (recovered.unclear.has(uid)) void lookAgain(uid);
        else endLeft(uid);
      }
    },
    end: async () => {
      const longestMs = endAll(wishes.values(), clock.now(), killGraceMs);
      // Stopped before the API answered: the container's end stays on record for the next agent to report.
      for (const container of recovered.containers.values()) orphans.push(endContainer(container, log));
      const all = [...wishes.values()];
      const ended = Promise.all([...orphans, ...all.map(({ idle }) => idle)]);
      await within(clock, ended, longestMs + killMarginMs);
      await within(clock, Promise.all(all.map(({ quiet }) => quiet)), lastReportMs);
    },
  };
};

/** Gives the longest of the graces. */
const endAll = (wishes: Iterable<PodWish>, nowMs: number, killGraceMs: number): number => {
  const because = { reason: 'Terminated', message: 'the node agent was stopped', failed: false };
  let longestMs = 0;
  for (const wish of wishes) {
    const graceMs = Math.min(graceOf(wish.pod) * 1000, killGraceMs);
    longestMs = Math.max(longestMs, graceMs);
    wish.end({ killAtMs: nowMs + graceMs, because });
  }
  return longestMs;
};

const endContainer = async (container: Container, log: RunnerDeps['log']): Promise<void> => {
  try {
    container.kill();
    await container.ended;
  } catch (error) {
    log.error({ pod: container.pod.name, uid: container.pod.uid, err: error }, 'the container was not seen to end');
  }
};

/** A folder that can't be removed now is an ended pod's: the next agent tries again. */
const forget = (containers: Containers, log: RunnerDeps['log'], uid: string): void => {
  try {
    containers.remove(uid);
  } catch (error) {
    log.warn({ uid, err: error }, 'the folder of a pod that has gone was not removed');
  }
};

/** Waits for the promise, but no longer than that. */
const within = async (clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> => {
  const enough = new AbortController();
  await Promise.race([promise, pause(clock, ms, enough.signal)]);
  enough.abort();
};
