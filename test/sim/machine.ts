/** A node and its agent: runs the pods bound to it as containers and reports their ends truthfully. */
import type { WorkerOrder } from '../../src/api/worker-order.ts';
import type { ContainerState, Node, Pod } from '../../src/kube/core-types.ts';
import { nodes, pods } from '../../src/kube/resources.ts';
import type { ApiServer } from './api-server.ts';
import { runInventory, runLoad, runUnload } from './changer-workers.ts';
import { isRunning, type Container, type Program } from './container.ts';
import type { Hardware } from './hardware.ts';
import type { Random } from './random.ts';
import { runBackup, runPlan } from './record-workers.ts';
import type { Timeline } from './timeline.ts';
import { Stop, type WorkerContext } from './worker-context.ts';

export interface MachineDeps {
  readonly api: ApiServer;
  readonly hardware: Hardware;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly workers: WorkerContext;
  readonly strikes: (probability: number) => boolean;
  readonly trace: (line: () => string) => void;
}

const nodeMonitorMs = 40_000;

export class Machine {
  readonly name: string;
  /** By pod uid. */
  readonly containers = new Map<string, Container>();
  isUp = true;
  isConnected = true;
  /** The agent has something to look at. */
  isDirty = true;
  readonly #deps: MachineDeps;
  #boots = 1;

  constructor(name: string, deps: MachineDeps) {
    this.name = name;
    this.#deps = deps;
  }

  get bootId(): string {
    return `${this.name}-boot-${this.#boots}`;
  }

  get isReachable(): boolean {
    return this.isUp && this.isConnected;
  }

  /** The cable: what runs goes on, unheard. */
  disconnect(): void {
    this.#deps.trace(() => `${this.name} is cut off`);
    this.isConnected = false;
    this.#noteLoss();
  }

  reconnect(): void {
    this.#deps.trace(() => `${this.name} is reached again`);
    this.isConnected = true;
    this.#report();
  }

  /** The power: nothing runs any more. */
  crash(): void {
    this.#deps.trace(() => `${this.name} loses its power`);
    this.isUp = false;
    for (const container of this.containers.values()) this.#end(container, { exitCode: 137 });
    this.containers.clear();
    this.#noteLoss();
  }

  boot(): void {
    this.#boots += 1;
    this.#deps.trace(() => `${this.name} boots as ${this.bootId}`);
    this.isUp = true;
    this.#report();
  }

  /** What the agent does when it looks at its pods. */
  lookAtPods(): void {
    this.isDirty = false;
    const { api } = this.#deps;
    const own = [...api.all(pods)].filter((pod) => pod.spec?.nodeName === this.name);
    for (const pod of own) this.#lookAt(pod);
    const known = new Set(own.map((pod) => pod.metadata?.uid));
    for (const container of this.containers.values()) {
      if (known.has(container.uid) || !isRunning(container)) continue;
      this.#end(container, { exitCode: 137 });
    }
  }

  /** One step of a container that is due. */
  step(container: Container): void {
    const { timeline, trace } = this.#deps;
    const { program } = container;
    if (program === undefined || !isRunning(container)) return;
    if (container.killAtMs !== undefined && timeline.nowMs >= container.killAtMs && !container.unkillable) {
      this.#end(container, { exitCode: 137 });
      return;
    }
    try {
      const result = program.next();
      if (result.done === true) this.#end(container, result.value);
      else container.wakeAtMs = timeline.nowMs + result.value;
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      this.#end(container, error.end);
    }
    if (!isRunning(container)) trace(() => `${container.name} ends: ${container.end?.message?.reason ?? 'killed'}`);
  }

  killOne(container: Container): void {
    this.#end(container, { exitCode: 137 });
  }

  #noteLoss(): void {
    const { timeline } = this.#deps;
    timeline.after(nodeMonitorMs, () => {
      if (!this.isReachable) this.#setReady('Unknown');
    });
  }

  #report(): void {
    if (!this.isReachable) return;
    this.#setReady('True');
    this.isDirty = true;
  }

  #setReady(status: 'True' | 'Unknown'): void {
    const { api } = this.#deps;
    const node = api.get(nodes, { name: this.name });
    const info = status === 'True' ? { nodeInfo: { ...node.status?.nodeInfo, bootID: this.bootId } } : {};
    const next: Node = {
      ...node,
      status: { ...node.status, ...info, conditions: [{ type: 'Ready', status }] } as NonNullable<Node['status']>,
    };
    api.updateStatus(nodes, next);
  }

  #end(container: Container, end: NonNullable<Container['end']>): void {
    if (!isRunning(container)) return;
    container.end = end;
    container.program = undefined;
    this.#deps.hardware.unlock(container);
    this.isDirty = true;
  }

  #lookAt(pod: Pod): void {
    const { timeline } = this.#deps;
    const uid = pod.metadata?.uid ?? '';
    const container = this.containers.get(uid);
    const state = pod.status?.containerStatuses?.[0]?.state;
    const isDeleted = pod.metadata?.deletionTimestamp !== undefined;
    if (state?.terminated !== undefined) {
      if (isDeleted) this.#remove(pod);
      return;
    }
    if (container === undefined) {
      if (state?.running !== undefined) return this.#tell(pod, lost('ContainerStatusUnknown'));
      if (isDeleted) return this.#tell(pod, lost('NeverStarted'));
      return this.#start(pod, uid);
    }
    if (container.end !== undefined) return this.#tell(pod, terminated(container.end));
    if (isDeleted && !container.stopAsked) {
      container.stopAsked = true;
      container.killAtMs = timeline.nowMs + (pod.metadata?.deletionGracePeriodSeconds ?? 30) * 1000;
      if (!container.stuck) container.wakeAtMs = Math.min(container.wakeAtMs, timeline.nowMs + 100);
    }
  }

  #start(pod: Pod, uid: string): void {
    const { timeline, random, trace } = this.#deps;
    const text = pod.spec?.containers[0]?.env?.find(({ name }) => name === 'TWINREEL_ORDER')?.value ?? '';
    const order = JSON.parse(text) as WorkerOrder;
    const container: Container = {
      ...{ uid, name: pod.metadata?.name ?? '', node: this.name, order, program: undefined },
      ...{ wakeAtMs: timeline.nowMs + random.int(500), stopAsked: false, killAtMs: undefined },
      ...{ mayAct: false, stuck: false, unkillable: false, end: undefined },
    };
    container.program = programOf(this.#deps.workers, container);
    this.containers.set(uid, container);
    trace(() => `${container.name} starts on ${this.name}`);
    this.#tell(pod, { running: { startedAt: timeline.iso() } });
  }

  #tell(pod: Pod, state: ContainerState): void {
    const { api } = this.#deps;
    const phase = state.terminated === undefined ? 'Running' : state.terminated.exitCode === 0 ? 'Succeeded' : 'Failed';
    const status = { name: 'worker', image: 'twinreel', imageID: '', ready: false, restartCount: 0, state };
    const current = api.find(pods, { namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' });
    if (current?.metadata?.uid !== pod.metadata?.uid || current === undefined) return;
    api.updateStatus(pods, { ...current, status: { phase, containerStatuses: [status] } });
    if (state.terminated !== undefined) this.isDirty = true;
  }

  #remove(pod: Pod): void {
    const { api } = this.#deps;
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    if (pod.metadata?.deletionGracePeriodSeconds === 0) return;
    this.containers.delete(uid);
    api.delete(pods, { namespace, name }, { uid, gracePeriodSeconds: 0 });
  }
}

const programOf = (context: WorkerContext, container: Container): Program => {
  const { order } = container;
  switch (order.role) {
    case 'inventory':
      return runInventory(context, container, order);
    case 'load':
      return runLoad(context, container, order);
    case 'unload':
      return runUnload(context, container, order);
    case 'plan':
      return runPlan(context, container, order);
    case 'backup':
      return runBackup(context, container, order);
    case 'restore':
    case 'verify':
      throw new RangeError('no restores here yet');
  }
};

const lost = (reason: string): ContainerState => ({ terminated: { exitCode: 137, reason } });

const terminated = ({ exitCode, message }: NonNullable<Container['end']>): ContainerState => ({
  terminated: {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    ...(message === undefined ? {} : { message: JSON.stringify(message) }),
  },
});
