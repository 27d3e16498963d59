/** Puts the operator together: caches and probes from the start, control loops only while it leads. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { makeCaches } from '../controllers/caches.ts';
import type { Deps, Settings } from '../controllers/deps.ts';
import { aborted, realClock, sleep } from '../kube/clock.ts';
import { makeRecorder } from '../kube/events.ts';
import { fencedApi } from '../kube/fenced-api.ts';
import { chooseKubeConfig } from '../kube/kube-config-source.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import { makeLeaderElector, type Work } from '../kube/leader.ts';
import { makeRestApi } from '../kube/rest-api.ts';
import type { Leading } from '../kube/tenure.ts';
import type { OperatorConfig } from './config.ts';
import { makeControllers } from './controllers.ts';
import { makeExecInPod } from './exec-in-pod.ts';
import { makeFabricOf } from './fabrics.ts';
import { startHealthServer } from './health.ts';
import { fencedActs, runControllers, standOnceSynced } from './lead.ts';
import { makeOperatorMetrics } from './metrics.ts';
import { waitingFor } from './readiness.ts';

/** After control loops were told to stop: less than a supervisor waits before it kills. */
const stopTimeoutMs = 7_000;
const flushMs = 1_000;

/** Runs until the signal is aborted (`stopped`) or the lease is lost (`lost`): the process has to end then. */
export const runOperator = async (
  config: OperatorConfig,
  log: Logger,
  version: string,
  signal: AbortSignal,
): Promise<'stopped' | 'lost'> => {
  const identity = `${hostname()}_${randomUUID()}`;
  const metrics = makeOperatorMetrics();
  const chosen = config.kubeconfig === undefined ? {} : { kubeconfig: config.kubeconfig };
  const kubeConfig = await loadKubeConfig(chosen);
  const api = makeRestApi({ kubeConfig, userAgent: `twinreel-operator/${version}` });
  const clock = realClock;
  const random = Math.random;
  const watched = makeCaches({ api, clock, random, log, metrics: metrics.kube }, config.namespace);
  metrics.watch(watched.caches);
  const health = await startHealthServer({
    ...config.metrics,
    waitingFor: () => waitingFor(watched),
    metrics: () => metrics.registry.metrics(),
    metricsContentType: metrics.registry.contentType,
    log,
  });
  const elector = makeLeaderElector({
    api,
    lease: { namespace: config.namespace, name: config.lease.name },
    identity,
    leaseDurationMs: config.lease.durationMs,
    renewDeadlineMs: config.lease.renewMs,
    retryPeriodMs: config.lease.retryMs,
    stopTimeoutMs,
    clock,
    random,
    log,
    metrics: metrics.kube,
  });
  const events = makeRecorder({
    api,
    controller: 'twinreel.io/operator',
    instance: identity,
    clock,
    log,
    metrics: metrics.kube,
  });
  const acts = {
    execInPod: makeExecInPod(chooseKubeConfig(chosen)),
    fabricOf: makeFabricOf(config.simulatedFabrics),
  };
  const lead = async (leading: Leading): Promise<Work> => {
    const deps: Deps = {
      api: fencedApi(api, leading.signal, () => leading.isLeading()),
      caches: watched.caches,
      clock,
      random,
      log,
      events,
      metrics: metrics.jobs,
      settings: settingsOf(config),
      recordsHeardSinceMs: () => watched.informers.records.wellSinceMs(),
      ...fencedActs(acts, leading),
    };
    return runControllers(makeControllers(deps, watched.informers, metrics.kube), leading.signal);
  };
  // The caches outlive the control loops, which read them until they have ended.
  const watching = new AbortController();
  const caches = watched.run(watching.signal);
  try {
    return await standOnceSynced(watched, elector, lead, signal);
  } finally {
    await Promise.race([events.flush(), sleep(clock, flushMs)]);
    watching.abort();
    await Promise.race([caches, aborted(AbortSignal.timeout(flushMs))]);
    await health.close();
    api.close();
  }
};

const settingsOf = (config: OperatorConfig): Settings => {
  const { namespace, image, heartbeatMs, fenceTimeoutMs, progressMs } = config;
  const { podStartMs, snapshotMs, preparationMs, filesMs, graceSeconds, catalogueEvery, kubeletRoot } = config;
  return {
    namespace,
    image,
    heartbeatMs,
    fenceTimeoutMs,
    progressMs,
    podStartMs,
    snapshotMs,
    preparationMs,
    filesMs,
    graceSeconds,
    catalogueEvery,
    kubeletRoot,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
};
