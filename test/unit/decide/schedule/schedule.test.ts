/** The decision on schedules over random clocks, outages, crashes, suspends and policies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCronLine } from '../../../../src/api/cron-line.ts';
import type { BackupJob, BackupSchedule } from '../../../../src/api/generated/index.ts';
import { decideSchedule, type ScheduleDecision, type ScheduleSeen } from '../../../../src/decide/schedule/schedule.ts';
import { jobOf, plannedMsOf, type Start } from '../../../../src/decide/schedule/scheduled-job.ts';
import { job as aJob } from '../../../support/hardware-objects.ts';

const minuteMs = 60_000;
const startMs = Date.UTC(2030, 2, 30, 22);
/** In two of them the clocks are changed during the first night. */
const zones = ['Etc/UTC', 'Europe/Berlin', 'Europe/London'];
const lines = ['* * * * *', '*/7 * * * *', '0 * * * *', '30 2 * * *', '15,45 1-3 * * *'];

type Phase = 'Succeeded' | 'Failed' | 'Cancelled';
type Policy = BackupSchedule['spec']['concurrencyPolicy'];

type Act =
  | { readonly kind: 'later'; readonly ms: number }
  | { readonly kind: 'pass'; readonly dies: 'never' | 'beforeStatus' | 'beforeRemoval' }
  | { readonly kind: 'end'; readonly at: number; readonly phase: Phase }
  | { readonly kind: 'suspend'; readonly suspend: boolean }
  | { readonly kind: 'runNow'; readonly token: string };

/** What the API server has, and what was ever made there. */
class World {
  nowMs = startMs;
  schedule: BackupSchedule;
  jobs: readonly BackupJob[] = [];
  readonly made: { readonly name: string; readonly plannedMs: number | undefined; readonly atMs: number }[] = [];
  mostActive = 0;
  readonly #timeZone: string;

  constructor(spec: Partial<BackupSchedule['spec']>, timeZone: string) {
    this.#timeZone = timeZone;
    this.schedule = {
      apiVersion: 'twinreel.io/v1alpha1',
      kind: 'BackupSchedule',
      metadata: {
        namespace: 'default',
        name: 'nightly',
        uid: 'uid-of-nightly',
        generation: 1,
        creationTimestamp: new Date(startMs).toISOString(),
      },
      spec: {
        schedule: '* * * * *',
        concurrencyPolicy: 'Forbid',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: aJob().spec },
        ...spec,
      },
    };
  }

  get reading() {
    return readCronLine(this.schedule.spec.schedule, this.#timeZone);
  }

  active(): readonly BackupJob[] {
    return this.jobs.filter(({ status }) => status?.phase === undefined);
  }

  ended(...phases: readonly (string | undefined)[]): readonly BackupJob[] {
    return this.jobs.filter(({ status }) => status !== undefined && phases.includes(status.phase));
  }

  do(act: Act): void {
    switch (act.kind) {
      case 'later':
        this.nowMs += act.ms;
        return;
      case 'pass':
        this.#pass(act.dies);
        return;
      case 'end':
        this.#end(act.at, act.phase);
        return;
      case 'suspend':
        this.#change({ suspend: act.suspend });
        return;
      case 'runNow':
        this.#change({ runNow: act.token });
    }
  }

  /** Passes until nothing is to be done at this moment any more. */
  settle(): void {
    for (let passes = 0; this.#pass('never').start !== undefined; passes += 1) {
      if (passes > 20) throw new Error('it never comes to rest');
    }
  }

  #change(spec: Partial<BackupSchedule['spec']>): void {
    const { metadata } = this.schedule;
    this.schedule = {
      ...this.schedule,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec: { ...this.schedule.spec, ...spec },
    };
  }

  #end(at: number, phase: Phase): void {
    const job = this.active()[at % Math.max(1, this.active().length)];
    if (job === undefined) return;
    const lastTransitionTime = new Date(this.nowMs).toISOString();
    const released = { type: 'Released', status: 'True' as const, reason: 'x', message: '', lastTransitionTime };
    const status = { phase, completionTime: lastTransitionTime, conditions: [released] };
    this.jobs = this.jobs.map((one) => (one === job ? { ...one, status } : one));
  }

  /** As the reconciler does it. */
  #pass(dies: 'never' | 'beforeStatus' | 'beforeRemoval'): ScheduleDecision {
    const first = decideSchedule(this.#seen(), this.nowMs);
    if (first.start !== undefined) this.#make(first.start);
    const decision = first.start === undefined ? first : decideSchedule(this.#seen(), this.nowMs);
    for (const name of decision.cancel) this.#cancel(name);
    if (dies === 'beforeStatus') return decision;
    this.schedule = { ...this.schedule, status: decision.status };
    if (dies === 'beforeRemoval') return decision;
    this.jobs = this.jobs.filter((job) => !decision.remove.includes(job));
    return decision;
  }

  #seen(): ScheduleSeen {
    const { schedule, jobs, reading } = this;
    return { schedule, jobs, reading, timeZone: this.#timeZone };
  }

  #make(start: Start): void {
    const made = jobOf(this.schedule, start);
    if (this.jobs.some(({ metadata }) => metadata.name === made.metadata.name)) return;
    const creationTimestamp = new Date(this.nowMs).toISOString();
    const uid = `job-${this.made.length}`;
    const { name } = made.metadata;
    this.jobs = [...this.jobs, { ...made, metadata: { ...made.metadata, uid, creationTimestamp } }];
    this.made.push({ name, plannedMs: plannedMsOf(this.schedule, made), atMs: this.nowMs });
    this.mostActive = Math.max(this.mostActive, this.active().length);
  }

  #cancel(name: string): void {
    this.jobs = this.jobs.map((job) =>
      job.metadata.name === name ? { ...job, spec: { ...job.spec, cancel: true } } : job,
    );
  }

  /** Planned times in (`afterMs`, `untilMs`]. */
  planned(afterMs: number, untilMs: number): readonly number[] {
    const { reading } = this;
    if (!reading.ok) throw new Error(reading.problem);
    const times: number[] = [];
    for (let at = reading.times.next(afterMs); at !== undefined && at <= untilMs; at = reading.times.next(at)) {
      times.push(at);
    }
    return times;
  }
}

const jump = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 * minuteMs }) },
  { weight: 1, arbitrary: fc.integer({ min: 10 * minuteMs, max: 9 * 60 * minuteMs }) },
);
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: jump.map((ms): Act => ({ kind: 'later', ms })) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom('never', 'never', 'never', 'beforeStatus', 'beforeRemoval')
      .map((dies): Act => ({ kind: 'pass', dies })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(5), fc.constantFrom<Phase>('Succeeded', 'Failed', 'Cancelled'))
      .map(([at, phase]): Act => ({ kind: 'end', at, phase })),
  },
  { weight: 1, arbitrary: fc.boolean().map((suspend): Act => ({ kind: 'suspend', suspend })) },
  { weight: 1, arbitrary: fc.constantFrom('a', 'b', 'c').map((token): Act => ({ kind: 'runNow', token })) },
);
const specs = fc.record({
  schedule: fc.constantFrom(...lines),
  concurrencyPolicy: fc.constantFrom<Policy>('Allow', 'Forbid', 'Replace'),
  successfulJobsHistoryLimit: fc.nat(3),
  failedJobsHistoryLimit: fc.nat(3),
});
const deadlines = fc.option(fc.constantFrom(0, 30, 600, 7200), { nil: undefined });
const jitters = fc.option(fc.constantFrom('30s', '5m', '2h'), { nil: undefined });

const history = fc
  .tuple(specs, deadlines, jitters, fc.constantFrom(...zones), fc.array(acts, { maxLength: 60 }))
  .map(([spec, startingDeadlineSeconds, jitter, zone, happens]) => ({
    spec: {
      ...spec,
      ...(startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds }),
      ...(jitter === undefined ? {} : { jitter }),
    },
    zone,
    happens,
  }));

const live = ({ spec, zone, happens }: { spec: Partial<BackupSchedule['spec']>; zone: string; happens: Act[] }) => {
  const world = new World(spec, zone);
  for (const act of happens) world.do(act);
  return world;
};

const holds = (name: string, law: (world: World) => void): void => {
  it(name, { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(history, (one) => law(live(one))),
      { numRuns: 100 },
    );
  });
};

describe('whatever happens, a schedule', () => {
  holds('never makes two jobs for one planned time', ({ made }) => {
    const times = made.map(({ plannedMs }) => plannedMs).filter((ms) => ms !== undefined);
    expect(times.length).toBe(new Set(times).size);
  });

  holds('makes jobs for planned times only, in their order and never before them', (world) => {
    const times = made(world);
    expect(times).toEqual(times.toSorted((a, b) => a.plannedMs - b.plannedMs));
    for (const { plannedMs, atMs } of times) {
      expect(world.planned(plannedMs - minuteMs, plannedMs)).toEqual([plannedMs]);
      expect(atMs).toBeGreaterThanOrEqual(plannedMs);
    }
  });

  holds('makes at most one job between two planned times, so one at most after an outage', (world) => {
    for (const [at, { atMs }] of made(world).entries()) {
      const before = made(world)[at - 1];
      if (before !== undefined) expect(atMs).toBeGreaterThan(before.atMs);
      if (before === undefined || world.schedule.spec.jitter !== undefined) continue;
      expect(world.planned(before.atMs, atMs)).not.toEqual([]);
    }
  });

  holds('makes none after its starting deadline', (world) => {
    const { startingDeadlineSeconds, jitter } = world.schedule.spec;
    if (startingDeadlineSeconds === undefined || jitter !== undefined) return;
    for (const { plannedMs, atMs } of made(world))
      expect(atMs - plannedMs).toBeLessThanOrEqual(startingDeadlineSeconds * 1000);
  });

  holds('never lets jobs overlap with Forbid and Replace', ({ schedule, mostActive }) => {
    if (schedule.spec.concurrencyPolicy !== 'Allow') expect(mostActive).toBeLessThanOrEqual(1);
  });

  holds('cancels nothing but with Replace', ({ schedule, jobs }) => {
    if (schedule.spec.concurrencyPolicy === 'Replace') return;
    expect(jobs.filter(({ spec }) => spec.cancel === true)).toEqual([]);
  });

  holds('keeps no more ended jobs than it is told, and loses none that runs', (world) => {
    const running = world.active().map(({ metadata }) => metadata.uid);
    world.settle();
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = world.schedule.spec;
    expect(world.ended('Succeeded').length).toBeLessThanOrEqual(successfulJobsHistoryLimit);
    expect(world.ended('Failed', 'Cancelled').length).toBeLessThanOrEqual(failedJobsHistoryLimit);
    expect(world.active().map(({ metadata }) => metadata.uid)).toEqual(expect.arrayContaining(running));
  });

  holds('makes none while it is suspended', (world) => {
    world.do({ kind: 'suspend', suspend: true });
    const before = world.made.length;
    world.do({ kind: 'later', ms: 3 * 60 * minuteMs });
    world.settle();
    expect(world.made).toHaveLength(before);
  });

  holds('runs once for each new token of runNow', (world) => {
    const names = world.made.filter(({ plannedMs }) => plannedMs === undefined).map(({ name }) => name);
    for (const [at, name] of names.entries()) expect(name).not.toBe(names[at - 1]);
  });

  holds('has started or counted as missed each time that is behind it', (world) => {
    if (world.schedule.spec.jitter !== undefined) return;
    world.settle();
    const { lastScheduleTime = '', lastMissedTime = '', missed = 0 } = world.schedule.status ?? {};
    const handledMs = Math.max(startMs, Date.parse(lastScheduleTime) || 0, Date.parse(lastMissedTime) || 0);
    expect(made(world).length + missed).toBe(world.planned(startMs, handledMs).length);
  });

  holds('starts again once nothing is in its way', (world) => {
    world.do({ kind: 'suspend', suspend: false });
    while (world.active().length > 0) world.do({ kind: 'end', at: 0, phase: 'Succeeded' });
    world.settle();
    while (world.active().length > 0) world.do({ kind: 'end', at: 0, phase: 'Succeeded' });
    const before = made(world).length;
    const { nextScheduleTime = '' } = world.schedule.status ?? {};
    world.nowMs = Math.max(world.nowMs, Date.parse(nextScheduleTime));
    world.settle();
    expect(made(world)).toHaveLength(before + 1);
  });
});

it('an outage after a crash counts each missed start once, and not the one that was made', () => {
  const world = new World({ schedule: '* * * * *', concurrencyPolicy: 'Allow' }, 'Etc/UTC');
  world.do({ kind: 'later', ms: 10 * minuteMs });
  world.do({ kind: 'pass', dies: 'beforeStatus' });
  world.do({ kind: 'later', ms: 10 * minuteMs });
  world.settle();
  expect(made(world).map(({ plannedMs }) => (plannedMs - startMs) / minuteMs)).toEqual([10, 20]);
  expect(world.schedule.status?.missed).toBe(18);
});

/** Those for planned times, in the order in which they were made. */
const made = (world: World): readonly { readonly plannedMs: number; readonly atMs: number }[] =>
  world.made.flatMap(({ plannedMs, atMs }) => (plannedMs === undefined ? [] : [{ plannedMs, atMs }]));
