/** Whatever happens in whatever order: the target has one writer, and a restore that is cancelled ends. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldOutcomes, type Outcome } from '../../../../src/controllers/outcome.ts';
import { holds } from '../../../../src/decide/grant/grant.ts';
import { finaliseRestore } from '../../../../src/decide/restore/restore-status.ts';
import type { RestoreStatus, RestoreStep } from '../../../../src/decide/restore/restore-view.ts';
import type { PodFacts } from '../../../../src/decide/grant/pod-facts.ts';
import { endedWith, nowMs } from '../job-objects.ts';
import { aRestoreGrant, decideOn, restoreHead, workerPod } from '../restore-objects.ts';

type Happening = 'pass' | 'wait' | 'die' | 'nodeDown' | 'reboot' | 'deletePod' | 'forgetPod' | 'unloadHangs' | 'cancel';

interface Worker {
  alive: boolean;
  /** The pod as the API shows it; undefined: no such object. */
  pod: PodFacts | undefined;
}

class World {
  status: RestoreStatus = { phase: 'Queued', nextEpoch: 1 };
  readonly workers = new Map<number, Worker>();
  readonly unloads = new Map<string, PodFacts>();
  #atMs = nowMs;
  #boot = 0;
  #nodeUp = true;
  #unloadHangs = false;
  #cancelled = false;
  #head: { epoch: number; sealed: boolean } | undefined;
  #vouched = new Set<number>();

  happen(what: Happening): void {
    switch (what) {
      case 'pass':
        return this.pass();
      case 'wait':
        this.#atMs += 50_000;
        return;
      case 'die':
        return this.#endAll();
      case 'nodeDown':
        this.#nodeUp = false;
        return;
      case 'reboot':
        this.#boot += 1;
        this.#nodeUp = true;
        for (const worker of this.workers.values()) worker.alive = false;
        return this.#report();
      case 'deletePod':
        for (const worker of this.workers.values())
          if (worker.pod !== undefined) worker.pod = { ...worker.pod, deleting: true };
        return;
      case 'forgetPod':
        for (const worker of this.workers.values()) worker.pod = undefined;
        return;
      case 'unloadHangs':
        this.#unloadHangs = !this.#unloadHangs;
        return;
      case 'cancel':
        this.#cancelled = true;
    }
  }

  #endAll(): void {
    for (const worker of this.workers.values()) worker.alive = false;
    this.#report();
  }

  /** Only a living node tells that a container has ended. */
  #report(): void {
    for (const worker of this.workers.values())
      if (this.#nodeUp && !worker.alive && worker.pod !== undefined && worker.pod.state !== 'ended')
        worker.pod = { ...worker.pod, ...endedWith(143, 'Killed', 'worker') };
  }

  settle(): void {
    this.#unloadHangs = false;
    for (const [name, pod] of this.unloads)
      if (pod.state !== 'ended') this.unloads.set(name, { ...pod, ...endedWith(0, 'Done') });
    this.happen('reboot');
    for (const { epoch } of this.status.retired ?? []) this.#vouched.add(epoch);
  }

  pass(): void {
    const { streams = [], retired = [] } = this.status;
    const pods = [...this.workers.values()].flatMap(({ pod }) => pod ?? []);
    const decision = decideOn({
      ...{ status: this.status, streams, retired, atMs: this.#atMs, cancelAsked: this.#cancelled },
      pods: [...pods, ...this.unloads.values()],
      vouched: [...this.#vouched],
      boots: new Map([['node-0', `boot-${this.#boot}`]]),
      head: this.#head === undefined ? undefined : restoreHead(this.#head.epoch, { sealed: this.#head.sealed }),
    });
    this.status = decision.status;
    const outcomes = decision.steps.flatMap((step) => this.#act(step) ?? []);
    const now = new Date(this.#atMs).toISOString();
    this.status = { ...this.status, ...foldOutcomes(this.status, outcomes, now) };
    if (outcomes.some(({ kind }) => kind === 'recordsFinished')) this.status = finaliseRestore(this.status, 1, now);
    this.#allocate();
  }

  #act(step: RestoreStep): Outcome | undefined {
    switch (step.kind) {
      case 'openHead':
        this.#head = { epoch: step.grant.epoch, sealed: false };
        return undefined;
      case 'launchRestore': {
        const { epoch } = step.grant;
        for (const [other, { alive }] of this.workers)
          if (other !== epoch) expect(alive, `${other}, ${epoch}`).toBe(false);
        if (!this.workers.has(epoch)) this.workers.set(epoch, { alive: true, pod: workerPod(epoch) });
        return undefined;
      }
      case 'sealHead':
        if (this.#head?.epoch === step.grant.epoch) this.#head.sealed = true;
        return undefined;
      case 'deletePod':
        for (const worker of this.workers.values())
          if (worker.pod?.name === step.pod)
            worker.pod =
              worker.pod.state === 'ended' && !worker.pod.fenced ? undefined : { ...worker.pod, deleting: true };
        this.unloads.delete(step.pod);
        return undefined;
      case 'liftFence': {
        const worker = this.workers.get(step.grant.epoch);
        if (worker?.pod?.name === step.pod) worker.pod = undefined;
        return undefined;
      }
      case 'launchUnload': {
        const { epoch } = step.grant;
        const name = `tw-1a2b3c4d-s0-e${epoch}-unload-${step.grant.unloadAttempts ?? 0}`;
        // The drive is locked by a worker that lives.
        const outcome = this.workers.get(epoch)?.alive === true ? endedWith(20, 'DriveBusy') : endedWith(0, 'Done');
        this.unloads.set(name, workerPod(epoch, { name, ...(this.#unloadHangs ? {} : outcome) }));
        return undefined;
      }
      case 'noteUnloaded':
      case 'park':
        return { kind: 'unloaded', epoch: step.grant.epoch };
      case 'free':
        return { kind: 'freed', epoch: step.grant.epoch };
      case 'finishRecords':
        return { kind: 'recordsFinished' };
      default:
        return undefined;
    }
  }

  /** Grants what waits, loaded and ready. */
  #allocate(): void {
    const [waiting] = this.status.streams ?? [];
    if (waiting?.state !== 'Waiting' || this.status.ending !== undefined) return;
    const epoch = this.status.nextEpoch ?? 1;
    const { tape = '', library = '' } = waiting;
    this.status = { ...this.status, nextEpoch: epoch + 1, streams: [aRestoreGrant(epoch, 'Ready', { tape, library })] };
  }
}

const happenings: readonly Happening[] = [
  ...(['pass', 'wait', 'die', 'nodeDown', 'reboot', 'deletePod', 'forgetPod', 'unloadHangs'] as const),
];

describe('a restore, whatever happens', () => {
  it('never has two workers on one target', () => {
    const story = fc.array(fc.constantFrom('pass' as const, 'pass' as const, ...happenings), { maxLength: 60 });
    fc.assert(
      fc.property(story, (events) => {
        const world = new World();
        for (const event of events) world.happen(event);
      }),
      { numRuns: 2_000 },
    );
  });

  it('ends when it is cancelled, and holds nothing once its workers are known to be gone', () => {
    const story = fc.array(fc.constantFrom('pass' as const, 'pass' as const, ...happenings), { maxLength: 40 });
    fc.assert(
      fc.property(story, (events) => {
        const world = new World();
        for (const event of [...events, 'cancel', 'nodeDown'] as const) world.happen(event);
        for (let turn = 0; turn < 12; turn += 1) for (const event of ['pass', 'wait'] as const) world.happen(event);
        expect(['Failed', 'Cancelled']).toContain(world.status.phase);
        world.settle();
        for (let turn = 0; turn < 20; turn += 1) world.happen('pass');
        expect([...(world.status.streams ?? []), ...(world.status.retired ?? [])].filter(holds)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
