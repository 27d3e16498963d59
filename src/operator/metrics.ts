/** What the operator counts, as Prometheus reads it. Names begin with `twinreel_`. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { labels } from '../api/names.ts';
import type { Caches, JobMetrics } from '../controllers/deps.ts';
import type { KubeMetrics } from '../kube/metrics.ts';

export interface OperatorMetrics {
  readonly registry: Registry;
  readonly kube: KubeMetrics;
  readonly jobs: JobMetrics;
  /** States and phases are read from the caches at each scrape. */
  watch(caches: Caches): void;
}

const seconds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60];
const waits = [1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600];

export const makeOperatorMetrics = (): OperatorMetrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    kube: kubeMetrics(registry),
    jobs: jobMetrics(registry),
    watch: (caches) => watchCaches(registry, caches),
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

const jobMetrics = (register: Registry): JobMetrics => {
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
  return {
    allocationWaited: (kind, waitedMs) => wait.observe({ kind }, waitedMs / 1000),
    failedOver: (reason) => failovers.inc({ reason }),
    bytesRewritten: (count) => rewritten.inc(count),
    segmentsCommitted: (count, size) => {
      segments.inc(count);
      bytes.inc(size);
    },
    ended: (kind, outcome) => ended.inc({ kind, outcome }),
  };
};

const watchCaches = (register: Registry, caches: Caches): void => {
  const registers = [register];
  const count = (values: readonly string[]): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  };
  new Gauge({
    name: 'twinreel_jobs',
    help: 'Jobs and restores by phase.',
    labelNames: ['kind', 'phase'],
    registers,
    collect() {
      this.reset();
      const both = { BackupJob: caches.jobs.list(), Restore: caches.restores.list() };
      for (const [kind, objects] of Object.entries(both)) {
        const phases = objects.map((object) => object.status?.phase ?? 'New');
        for (const [phase, number] of count(phases)) this.set({ kind, phase }, number);
      }
    },
  });
  new Gauge({
    name: 'twinreel_resources',
    help: 'Hardware by state.',
    labelNames: ['kind', 'state'],
    registers,
    collect() {
      this.reset();
      for (const [kind, states] of Object.entries(statesOf(caches))) {
        for (const [state, number] of count(states)) this.set({ kind, state }, number);
      }
    },
  });
  new Gauge({
    name: 'twinreel_pool_free_bytes',
    help: 'Free bytes on the writable tapes of a pool.',
    labelNames: ['pool'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of caches.pools.list()) this.set({ pool: metadata.name }, status?.freeBytes ?? 0);
    },
  });
  new Gauge({
    name: 'twinreel_last_success_timestamp_seconds',
    help: 'When a job succeeded.',
    labelNames: ['namespace', 'name', 'schedule'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of caches.jobs.list()) {
        const endedAt = Date.parse(status?.completionTime ?? '');
        if (status?.phase !== 'Succeeded' || Number.isNaN(endedAt)) continue;
        const { namespace = '', name } = metadata;
        this.set({ namespace, name, schedule: metadata.labels?.[labels.schedule] ?? '' }, endedAt / 1000);
      }
    },
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
