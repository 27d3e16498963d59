/** What the operator counts, as Prometheus reads it. Names begin with `twinreel_`. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Caches, JobMetrics } from '../controllers/deps.ts';
import type { KubeMetrics } from '../kube/metrics.ts';
import { makeLastSuccess, type LastSuccess } from './last-success.ts';
import { watchSchedules } from './schedule-metrics.ts';

export interface OperatorMetrics {
  readonly registry: Registry;
  readonly kube: KubeMetrics;
  readonly jobs: JobMetrics;
  /** States and phases are read from the caches at each scrape, and told by the leader alone: they add up over replicas. */
  watch(caches: Caches): void;
}

const seconds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60];
const waits = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600];

export const makeOperatorMetrics = (): OperatorMetrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const successes = makeLastSuccess();
  const kube = kubeMetrics(registry);
  let leads = false;
  return {
    registry,
    kube: {
      ...kube,
      leading: (lease, leading) => {
        leads = leading;
        kube.leading(lease, leading);
      },
    },
    jobs: jobMetrics(registry, successes),
    watch: (caches) => {
      watchCaches(registry, caches, successes, () => leads);
      watchSchedules(registry, caches.schedules, () => leads);
    },
  };
};

const kubeMetrics = (register: Registry): KubeMetrics => {
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `twinreel_${name}`, help, labelNames, registers: [register] });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `twinreel_${name}`, help, labelNames, registers: [register] });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name: `twinreel_${name}`, help, labelNames, buckets: seconds, registers: [register] });

  const depth = gauge('queue_depth', 'Keys that wait to be reconciled.', 'queue');
  const adds = counter('queue_adds_total', 'Keys added to a queue.', 'queue');
  const retries = counter('queue_retries_total', 'Keys added again after a failure.', 'queue');
  const latency = histogram('queue_latency_seconds', 'From when a key was due until it was taken.', 'queue');
  const reconciles = histogram('reconcile_seconds', 'How long a reconcile took.', 'controller', 'outcome');
  const errors = counter('reconcile_errors_total', 'Reconciles that failed.', 'controller');
  const active = gauge('reconciles_active', 'Reconciles running now.', 'controller');
  const lists = histogram('list_seconds', 'How long a whole list took.', 'resource');
  const listed = gauge('listed_objects', 'Objects in the last whole list.', 'resource');
  const watches = counter('watch_restarts_total', 'Watches that were begun again.', 'resource', 'reason');
  const leader = gauge('leader', '1 while this process leads.', 'lease');
  const dropped = counter('events_dropped_total', 'Events that were not written.', 'reason');
  return {
    queueDepth: (queue, keys) => depth.set({ queue }, keys),
    queueAdd: (queue) => adds.inc({ queue }),
    queueRetry: (queue) => retries.inc({ queue }),
    queueLatency: (queue, took) => latency.observe({ queue }, took),
    reconciled: (controller, took, outcome) => {
      reconciles.observe({ controller, outcome }, took);
      if (outcome === 'error' || outcome === 'terminal') errors.inc({ controller });
    },
    reconcilesActive: (controller, running) => active.set({ controller }, running),
    listed: (resource, took, objects) => {
      lists.observe({ resource }, took);
      listed.set({ resource }, objects);
    },
    watchRestarted: (resource, reason) => watches.inc({ resource, reason }),
    leading: (lease, leading) => leader.set({ lease }, leading ? 1 : 0),
    eventDropped: (reason) => dropped.inc({ reason }),
  };
};

const jobMetrics = (register: Registry, successes: LastSuccess): JobMetrics => {
  const registers = [register];
  const wait = new Histogram({
    name: 'twinreel_allocation_wait_seconds',
    help: 'From the creation of a job or restore until its first grants are reserved.',
    labelNames: ['kind'],
    buckets: waits,
    registers,
  });
  const counter = (name: string, help: string) => new Counter({ name: `twinreel_${name}`, help, registers });
  const failovers = new Counter({
    name: 'twinreel_failovers_total',
    help: 'Streams that were lost and replaced, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const rewritten = counter('rewritten_bytes_total', 'Bytes of segments that were begun and had to be written again.');
  const segments = counter('segments_total', 'Segments committed, each copy counted.');
  const bytes = counter('bytes_total', 'Bytes of committed segments, each copy counted.');
  const ended = new Counter({
    name: 'twinreel_ended_total',
    help: 'Jobs and restores that ended, by outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const verified = new Counter({
    name: 'twinreel_verified_segments_total',
    help: 'Segments read back from tape, each copy counted, by outcome: Good or Bad.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    copiesVerified: (good, bad) => {
      verified.inc({ outcome: 'Good' }, good);
      verified.inc({ outcome: 'Bad' }, bad);
    },
    allocationWaited: (kind, waitedMs) => wait.observe({ kind }, waitedMs / 1000),
    failedOver: (reason) => failovers.inc({ reason }),
    bytesRewritten: (count) => rewritten.inc(count),
    segmentsCommitted: (count, size) => {
      segments.inc(count);
      bytes.inc(size);
    },
    ended: (kind, outcome) => ended.inc({ kind, outcome }),
    backupSucceeded: (namespace, schedule, endedAtMs) => successes.note({ namespace, schedule }, endedAtMs),
  };
};

const countOf = (values: readonly string[]): readonly (readonly [value: string, count: number])[] => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
};

type Reading<L extends string> = readonly [labels: Record<L, string>, value: number];

const watchCaches = (register: Registry, caches: Caches, successes: LastSuccess, leads: () => boolean): void => {
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => readonly Reading<L>[],
  ): void => {
    new Gauge<L>({
      name: `twinreel_${name}`,
      help: `${help} Told by the leader.`,
      labelNames,
      registers: [register],
      collect() {
        this.reset();
        const readings = read();
        if (leads()) for (const [labels, value] of readings) this.set(labels, value);
      },
    });
  };
  gauge('jobs', 'Jobs and restores by phase.', ['kind', 'phase'], () =>
    Object.entries({ BackupJob: caches.jobs.list(), Restore: caches.restores.list() }).flatMap(([kind, objects]) =>
      countOf(objects.map(({ status }) => status?.phase ?? 'New')).map(([phase, n]) => [{ kind, phase }, n] as const),
    ),
  );
  gauge('resources', 'Hardware by state.', ['kind', 'state'], () =>
    Object.entries(statesOf(caches)).flatMap(([kind, states]) =>
      countOf(states).map(([state, n]) => [{ kind, state }, n] as const),
    ),
  );
  gauge('pool_free_bytes', 'Free bytes on the writable tapes of a pool.', ['pool'], () =>
    caches.pools.list().map(({ metadata, status }) => [{ pool: metadata.name }, status?.freeBytes ?? 0] as const),
  );
  const success = 'When a backup last succeeded; no schedule: jobs that were made by hand.';
  gauge('last_success_timestamp_seconds', success, ['namespace', 'schedule'], () => {
    // A standby remembers, too: when it leads the job may have gone.
    successes.noteAll(caches.jobs.list());
    return successes
      .list()
      .map(({ namespace, schedule, endedAtMs }) => [{ namespace, schedule }, endedAtMs / 1000] as const);
  });
};

const statesOf = ({ servers, libraries, tapes, switches }: Caches): Readonly<Record<string, readonly string[]>> => {
  const states = (objects: readonly { readonly status?: { readonly state?: string } }[]): readonly string[] =>
    objects.map(({ status }) => status?.state ?? 'Unknown');
  return {
    BackupServer: states(servers.list()),
    TapeLibrary: states(libraries.list()),
    Tape: states(tapes.list()),
    FCSwitch: states(switches.list()),
    Drive: libraries.list().flatMap(({ status }) => (status?.drives ?? []).map((drive) => drive.state ?? 'Unknown')),
  };
};
