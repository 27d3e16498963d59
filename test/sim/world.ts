/**
 * One simulation: operators, API, nodes, workers, tapes and switches in one process on simulated time. First chaos, then
 * calm: faults stop, everything is mended, and all must come to rest.
 */
import type { BackupJob } from '../../src/api/generated/index.ts';
import { annotations } from '../../src/api/names.ts';
import { backupJobs } from '../../src/api/resources.ts';
import { isApiError } from '../../src/kube/api.ts';
import type { Log } from '../../src/kube/log.ts';
import { silentLog } from '../../src/kube/log.ts';
import { ApiServer, type Change } from './api-server.ts';
import { isRunning, type Container } from './container.ts';
import { describeChange } from './describe-change.ts';
import { Hardware } from './hardware.ts';
import { Invariants, Violation, finalPhases } from './invariants.ts';
import { Machine } from './machine.ts';
import { Network, type Caller } from './network.ts';
import { OperatorProcess } from './operator-process.ts';
import { Random } from './random.ts';
import { unrest } from './rest.ts';
import { furnish, makeScenario, type Scenario } from './scenario.ts';
import { Timeline } from './timeline.ts';
import type { WorkerContext } from './worker-context.ts';

export interface Outcome {
  readonly seed: number;
  readonly violation: { readonly code: string; readonly message: string } | undefined;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly phases: readonly string[];
  readonly failovers: number;
}

export interface WorldOptions {
  /** Told each thing that happens. */
  readonly trace?: (line: string) => void;
}

const calmLimitMs = 6 * 3_600_000;
const mostSteps = 40_000;

/** Lets everything run that waits for nothing outside. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const simulate = async (seed: number, options: WorldOptions = {}): Promise<Outcome> => {
  const world = new World(seed, options);
  try {
    await world.run();
    return world.outcome(undefined);
  } catch (error) {
    const code = error instanceof Violation ? error.code : 'Crashed';
    const message = error instanceof Error ? (error instanceof Violation ? error.message : (error.stack ?? '')) : '';
    return world.outcome({ code, message: message === '' ? String(error) : message });
  } finally {
    world.end();
  }
};

class World {
  readonly #seed: number;
  readonly #random: Random;
  readonly #timeline = new Timeline();
  readonly #hardware = new Hardware();
  readonly #server: ApiServer;
  readonly #network: Network;
  readonly #invariants: Invariants;
  readonly #machines = new Map<string, Machine>();
  readonly #scenario: Scenario;
  readonly #cancelled = new Set<string>();
  readonly #finished = new Map<string, BackupJob>();
  readonly #trace: (line: () => string) => void;
  readonly #log: Log;
  #operators: OperatorProcess[] = [];
  #operatorsMade = 0;
  #isCalm = false;
  #isFurnished = false;
  /** Nothing can be done before time passes. */
  #isIdle = false;
  #steps = 0;
  #broken: Violation | undefined;
  readonly #chaosUntilMs: number;
  /** Wild worlds change their leader every few writes. */
  readonly #wildness: number;

  constructor(seed: number, { trace }: WorldOptions) {
    this.#seed = seed;
    const random = new Random(seed);
    this.#random = random;
    this.#trace = trace === undefined ? () => undefined : (line) => trace(this.#dated(line()));
    this.#log = trace === undefined ? silentLog : this.#tracingLog();
    this.#server = new ApiServer(this.#timeline, (change) => this.#changed(change));
    this.#invariants = new Invariants({
      api: this.#server,
      hardware: this.#hardware,
      containers: () => this.#containers(),
      cancelled: this.#cancelled,
    });
    this.#network = new Network({
      random,
      strikes: (probability) => this.#strikes(probability),
      trace: this.#trace,
      onWrite: (caller) => this.#perhapsKill(caller),
    });
    this.#wildness = random.pick([0, 0.001, 0.004, 0.02]);
    this.#chaosUntilMs = random.pick([8_000, 15_000, 30_000, 40_000]);
    this.#scenario = makeScenario(random);
    furnish(this.#scenario, this.#server, this.#hardware, random);
    for (let index = 0; index < this.#scenario.servers; index += 1) this.#addMachine(`node-${index}`);
    this.#isFurnished = true;
    this.#timeline.after(this.#chaosUntilMs, () => this.#calmDown());
    for (const job of this.#scenario.jobs) {
      this.#timeline.after(random.int(this.#chaosUntilMs / 3), () => this.#server.create(backupJobs, job));
    }
  }

  async run(): Promise<void> {
    this.#replaceLeader();
    while (!this.#isDone()) {
      this.#steps += 1;
      if (this.#steps > mostSteps) throw new Violation('NoRest', `after ${mostSteps} steps: ${this.#unrest()}`);
      this.#makeTrouble();
      if (this.#step()) await settle();
      if (this.#broken !== undefined) throw this.#broken;
    }
  }

  end(): void {
    for (const operator of this.#operators) operator.kill();
  }

  outcome(violation: Outcome['violation']): Outcome {
    const jobs = new Map(this.#finished);
    for (const job of this.#server.all(backupJobs)) jobs.set(job.metadata.uid ?? '', job);
    const failovers = [...jobs.values()].reduce((sum, { status }) => sum + (status?.failovers ?? 0), 0);
    const phases = [...jobs.values()].map(({ status }) => status?.phase ?? 'None');
    const simulatedMs = this.#timeline.elapsedMs;
    return { seed: this.#seed, violation, steps: this.#steps, simulatedMs, phases, failovers };
  }

  #dated(line: string): string {
    return `${String(this.#steps).padStart(6)} ${(this.#timeline.elapsedMs / 1000).toFixed(2).padStart(9)} s  ${line}`;
  }

  #tracingLog(): Log {
    const say =
      (level: string) =>
      (fields: object, message: string): void => {
        const err: unknown = 'err' in fields ? fields.err : undefined;
        const why = err instanceof Error ? `: ${err.message}` : '';
        this.#trace(() => `[${level}] ${message}${why} ${JSON.stringify({ ...fields, err: undefined })}`);
      };
    return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') };
  }

  #strikes(probability: number): boolean {
    return !this.#isCalm && this.#random.chance(probability);
  }

  #addMachine(name: string): void {
    const workers: WorkerContext = {
      api: this.#server,
      hardware: this.#hardware,
      timeline: this.#timeline,
      random: this.#random,
      isOnline: (node) => this.#machines.get(node)?.isReachable ?? false,
      strikes: (probability) => this.#strikes(probability),
      onTapeWrite: (container, tape) => this.#invariants.tapeWritten(container, tape),
    };
    const deps = {
      ...{ api: this.#server, hardware: this.#hardware, timeline: this.#timeline, random: this.#random, workers },
      strikes: (probability: number) => this.#strikes(probability),
      trace: this.#trace,
    };
    this.#machines.set(name, new Machine(name, deps));
  }

  *#containers(): IterableIterator<Container> {
    for (const machine of this.#machines.values()) yield* machine.containers.values();
  }

  #changed(change: Change): void {
    if (!this.#isFurnished) return;
    this.#trace(() => describeChange(change));
    if (change.plural === 'pods') {
      const node = (change.object as { spec?: { nodeName?: string } }).spec?.nodeName;
      const machine = node === undefined ? undefined : this.#machines.get(node);
      if (machine !== undefined) machine.isDirty = true;
    }
    if (change.plural === backupJobs.plural) {
      const job = change.object as BackupJob;
      if (change.type === 'DELETED') this.#finished.set(job.metadata.uid ?? '', job);
    }
    try {
      this.#invariants.check(change);
    } catch (error) {
      if (error instanceof Violation) this.#broken ??= error;
      throw error;
    }
  }

  // Operators

  #replaceLeader(): void {
    for (const operator of this.#operators) operator.replaced = true;
    const name = `operator-${(this.#operatorsMade += 1)}`;
    const operator = new OperatorProcess(name, {
      server: this.#server,
      network: this.#network,
      hardware: this.#hardware,
      timeline: this.#timeline,
      random: this.#random,
      log: this.#log,
      strikes: (probability) => this.#strikes(probability),
      onZone: (caller, zone) => this.#zoneMade(caller, zone),
    });
    this.#trace(() => `${name} leads`);
    operator.lead();
    this.#operators.push(operator);
    // A replaced leader goes on for a while; a third one never is.
    while (this.#operators.length > 2) this.#kill(this.#operators[0]);
  }

  #zoneMade(caller: Caller, zone: string): void {
    try {
      this.#invariants.zoneMade(zone, !caller.alive || caller.replaced || this.#operators.length > 1);
    } catch (error) {
      if (error instanceof Violation) this.#broken ??= error;
      throw error;
    }
  }

  #kill(operator: OperatorProcess | undefined): void {
    if (operator === undefined) return;
    this.#trace(() => `${operator.name} dies`);
    operator.kill();
    this.#operators = this.#operators.filter((one) => one !== operator);
  }

  /** Before and after any write: the writer may die, or be replaced while it goes on. */
  #perhapsKill(caller: Caller): void {
    if (!this.#strikes(this.#wildness)) return;
    const isLeader = caller === this.#operators.at(-1);
    if (isLeader && this.#random.chance(0.6)) {
      this.#replaceLeader();
      return;
    }
    this.#kill(this.#operators.find((one) => one === caller));
    if (isLeader) this.#replaceLeader();
  }

  // Time and turns

  /** @returns whether something may go on that has to be waited for */
  #step(): boolean {
    const random = this.#random;
    const behind = this.#operators.flatMap(({ caches }) => caches.filter((cache) => cache.isBehind));
    const due = this.#due();
    const weights = [this.#network.pending * 2, behind.length, due.length, this.#timerWeight()];
    let at = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
    this.#isIdle = false;
    if (weights.every((weight) => weight === 0)) {
      this.#pass();
      return false;
    }
    // Time passes while others are at work, too.
    if (random.chance(0.02)) this.#timeline.advanceTo(this.#timeline.nowMs + random.int(400));
    const turn = weights.findIndex((weight) => (at -= weight) < 0);
    switch (turn) {
      case 0:
        this.#network.step();
        return true;
      case 1:
        this.#deliver(random.pick(behind));
        return true;
      case 2:
        random.pick(due)();
        return false;
      default:
        return this.#timeline.fireDue();
    }
  }

  #timerWeight(): number {
    const next = this.#timeline.nextAt();
    return next !== undefined && next <= this.#timeline.nowMs ? 2 : 0;
  }

  #deliver(cache: OperatorProcess['caches'][number]): void {
    if (this.#strikes(0.01)) cache.relist();
    else if (this.#strikes(0.03)) cache.repeat();
    else for (let more = this.#random.between(1, 8); more > 0; more -= 1) cache.deliver();
  }

  #due(): readonly (() => void)[] {
    const found: (() => void)[] = [];
    for (const machine of this.#machines.values()) {
      if (!machine.isUp) continue;
      if (machine.isDirty && machine.isConnected) found.push(() => machine.lookAtPods());
      for (const container of machine.containers.values()) {
        if (isRunning(container) && wakeOf(container) <= this.#timeline.nowMs)
          found.push(() => machine.step(container));
      }
    }
    return found;
  }

  /** Nothing can be done now: on to the next moment at which something can. */
  #pass(): void {
    let next = this.#timeline.nextAt() ?? Infinity;
    for (const machine of this.#machines.values()) {
      if (!machine.isUp) continue;
      for (const container of machine.containers.values()) {
        if (isRunning(container)) next = Math.min(next, wakeOf(container));
      }
    }
    this.#isIdle = true;
    if (next === Infinity && this.#isDone()) return;
    if (next === Infinity) throw new Violation('DeadEnd', `nothing will ever happen again: ${this.#unrest()}`);
    this.#timeline.advanceTo(next);
  }

  #isDone(): boolean {
    if (!this.#isCalm || (this.#steps % 16 !== 0 && !this.#isIdle)) return false;
    if (this.#timeline.elapsedMs > this.#chaosUntilMs + calmLimitMs) throw new Violation('NoRest', this.#unrest());
    for (const { status } of this.#server.all(backupJobs)) if (!finalPhases.includes(status?.phase)) return false;
    return this.#unrest() === '';
  }

  #unrest(): string {
    return unrest({
      api: this.#server,
      hardware: this.#hardware,
      invariants: this.#invariants,
      containers: [...this.#containers()],
    }).join('; ');
  }

  // Users, administrators and bad luck

  #makeTrouble(): void {
    const random = this.#random;
    if (this.#isCalm || !random.chance(0.01)) return;
    switch (random.int(9)) {
      case 0:
        return this.#troubleNode();
      case 1:
        return this.#troubleJob();
      case 2: {
        const running = [...this.#containers()].filter(isRunning);
        if (running.length > 0 && random.chance(0.5)) {
          const victim = random.pick(running);
          this.#trace(() => `${victim.name} is killed`);
          this.#machines.get(victim.node)?.killOne(victim);
        }
        return;
      }
      case 3: {
        if (this.#hardware.switches.size === 0 || random.chance(0.7)) return;
        const one = random.pick([...this.#hardware.switches.values()]);
        one.reachable = !one.reachable;
        return;
      }
      case 4: {
        const drives = [...this.#hardware.libraries.values()].flatMap((library) => library.drives);
        if (random.chance(0.5)) random.pick(drives).writesUntilError = random.between(1, 6);
        return;
      }
      case 5:
        return this.#vouch();
      case 6:
        if (this.#operators.length > 1) this.#kill(this.#operators[0]);
        return;
      case 7:
        if (random.chance(0.3) && this.#wildness > 0) this.#replaceLeader();
        return;
      default:
        this.#timeline.advanceTo(this.#timeline.nowMs + random.int(2_000));
    }
  }

  #troubleNode(): void {
    const random = this.#random;
    const machine = random.pick([...this.#machines.values()]);
    if (!machine.isUp) return machine.boot();
    if (!machine.isConnected) return random.chance(0.7) ? machine.reconnect() : machine.crash();
    if (random.chance(0.5)) return;
    if (random.chance(0.5)) machine.disconnect();
    else machine.crash();
  }

  #troubleJob(): void {
    const random = this.#random;
    const jobs = [...this.#server.all(backupJobs)].filter(({ status }) => !finalPhases.includes(status?.phase));
    if (jobs.length === 0) return;
    const job = random.pick(jobs);
    const { uid = '', name, namespace = '' } = job.metadata;
    const change = (spec: object): void => {
      this.#server.patch(backupJobs, { namespace, name }, { spec }, { type: 'merge' });
    };
    switch (random.int(5)) {
      case 0:
        this.#cancelled.add(uid);
        return change({ cancel: true });
      case 1:
        this.#cancelled.add(uid);
        return this.#server.delete(backupJobs, { namespace, name });
      case 2:
        return change({ suspend: !job.spec.suspend });
      default:
        return change({ priority: random.int(3) });
    }
  }

  /** An administrator pulls the plug of a silent server and says so. */
  #vouch(): void {
    for (const job of this.#server.all(backupJobs)) {
      const fencing = (job.status?.retired ?? []).find(({ state }) => state === 'Fencing');
      const machine = this.#machines.get(fencing?.node ?? '');
      if (fencing === undefined || machine === undefined || machine.isReachable) continue;
      if (machine.isUp) machine.crash();
      const body = { metadata: { annotations: { [annotations.fenced]: String(fencing.epoch) } } };
      const { name, namespace = '' } = job.metadata;
      this.#server.patch(backupJobs, { namespace, name }, body, { type: 'merge' });
      return;
    }
  }

  #calmDown(): void {
    this.#isCalm = true;
    this.#trace(() => 'calm');
    while (this.#operators.length > 1) this.#kill(this.#operators[0]);
    for (const { drives } of this.#hardware.libraries.values()) {
      for (const drive of drives) drive.writesUntilError = Infinity;
    }
    for (const one of this.#hardware.switches.values()) one.reachable = true;
    for (const machine of this.#machines.values()) {
      const isBlocked = [...machine.containers.values()].some(({ unkillable }) => unkillable);
      if (machine.isUp && isBlocked) machine.crash();
      if (!machine.isUp) machine.boot();
      if (!machine.isConnected) machine.reconnect();
    }
    for (const job of [...this.#server.all(backupJobs)]) {
      if (!job.spec.suspend) continue;
      const { name, namespace = '' } = job.metadata;
      try {
        this.#server.patch(backupJobs, { namespace, name }, { spec: { suspend: false } }, { type: 'merge' });
      } catch (error) {
        if (!isApiError(error)) throw error;
      }
    }
  }
}

const wakeOf = ({ wakeAtMs, killAtMs, unkillable }: Container): number =>
  Math.min(wakeAtMs, unkillable ? Infinity : (killAtMs ?? Infinity));
