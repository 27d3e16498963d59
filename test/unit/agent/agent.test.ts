import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runAgent, type AgentDeps, type AgentSetting } from '../../../src/agent/agent.ts';
import type { Container, Containers, Ending } from '../../../src/agent/containers.ts';
import { leases, pods, type Pod, type PodIdentity } from '../../../src/agent/core-objects.ts';
import { readMachine } from '../../../src/agent/machine.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { makeManualClock } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

let stateFolder: string;
beforeEach(() => {
  stateFolder = mkdtempSync(join(tmpdir(), 'twinreel-agent-'));
});
afterEach(() => rmSync(stateFolder, { recursive: true, force: true }));

const node = 'server-0';

/** Containers that run until they are killed; faults by uid. */
class FakeContainers implements Containers {
  readonly started: string[] = [];
  readonly killed: string[] = [];
  readonly folders = new Set<string>();
  readonly running = new Set<string>();
  readonly cannotRecover = new Set<string>();
  readonly cannotRemove = new Set<string>();
  looksUntilFailure = Infinity;

  #container(pod: PodIdentity): Container {
    const { promise: ended, resolve } = Promise.withResolvers<Ending>();
    const kill = (): void => {
      this.killed.push(pod.uid);
      this.running.delete(pod.uid);
      resolve({ kind: 'exited', exitCode: 137, signal: 9, reason: 'Error', finishedAtMs: 0 });
    };
    this.running.add(pod.uid);
    return { pod, name: 'worker', startedAtMs: 0, ended, terminate: kill, kill };
  }

  start({ pod }: { readonly pod: PodIdentity }): Promise<Container> {
    this.started.push(pod.uid);
    this.folders.add(pod.uid);
    return Promise.resolve(this.#container(pod));
  }

  recorded(): readonly string[] {
    this.looksUntilFailure -= 1;
    if (this.looksUntilFailure < 0) throw new Error('EIO');
    return [...this.folders];
  }

  endUnrecorded = (): Promise<void> => Promise.resolve();

  recover(uid: string): Promise<Container | undefined> {
    if (this.cannotRecover.has(uid)) return Promise.reject(new Error('EIO'));
    return Promise.resolve(
      this.running.has(uid) ? this.#container({ uid, namespace: 'workers', name: `pod-${uid}` }) : undefined,
    );
  }

  readTerminationMessage = (): undefined => undefined;
  rotateLogs = (): void => undefined;

  remove(uid: string): void {
    if (this.cannotRemove.has(uid)) throw Object.assign(new Error('busy'), { code: 'EBUSY' });
    this.folders.delete(uid);
  }
}

const podOf = (uid: string, namespace = 'workers'): Pod => ({
  metadata: { name: `pod-${uid}`, namespace, uid, labels: { 'twinreel.io/worker': 'true' } },
  spec: {
    nodeName: node,
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    containers: [{ name: 'worker', image: 'twinreel' }],
  },
});

const setUp = () => {
  const api = makeMemoryApi();
  const clock = makeManualClock(Date.parse('2026-01-01T00:00:00Z'));
  const containers = new FakeContainers();
  const stop = new AbortController();
  const machine = readMachine();
  const listWatch = { api, clock, random: () => 0, log: silentLog, metrics: noMetrics };
  const deps: AgentDeps = { api, clock, log: silentLog, listWatch, containers, machine };
  const setting: AgentSetting = {
    nodeName: node,
    namespace: 'workers',
    version: '0',
    launch: {
      apiServer: { host: 'api', port: '443', authority: undefined },
      stateFolder,
      entrypoint: ['/bin/true'],
      ownEnvironment: {},
    },
    allow: { command: false },
    onStop: 'leave',
    killGraceMs: 0,
  };
  const run = (): Promise<void> => runAgent(deps, setting, stop.signal);
  const renewed = (): string | undefined =>
    api.read(leases, { namespace: 'kube-node-lease', name: node })?.spec?.renewTime;
  return { api, clock, containers, stop, run, renewed };
};

describe('an agent that fails', () => {
  it('rejects, and neither its lease nor its watch goes on', async () => {
    const { api, clock, containers, run, renewed } = setUp();
    // The first look is at what was left, the second one at what of it has no pod any more.
    containers.looksUntilFailure = 1;
    await expect(run()).rejects.toThrow('EIO');
    const last = renewed();
    expect(last).toBeDefined();
    const calls = api.calls.length;
    await clock.advance(120_000);
    expect(renewed()).toBe(last);
    expect(api.calls.length).toBe(calls);
    expect(clock.timers()).toBe(0);
  });

  it('rejects also while the API does not answer', async () => {
    const { api, clock, containers, run } = setUp();
    for (let i = 0; i < 3; i += 1) api.fail('get', { hang: true });
    containers.endUnrecorded = () => Promise.reject(new Error('no /proc'));
    await expect(run()).rejects.toThrow('no /proc');
    await clock.advance(60_000);
    expect(clock.timers()).toBe(0);
  });
});

describe('a pod folder that makes trouble', () => {
  it('keeps back nobody else when it cannot be removed', async () => {
    const { api, containers, stop, run } = setUp();
    for (const uid of ['busy', 'gone']) containers.folders.add(uid);
    containers.cannotRemove.add('busy');
    api.seed(pods, podOf('new'));
    const running = run();
    await vi.waitFor(() => expect(containers.started).toEqual(['new']));
    await vi.waitFor(() => expect([...containers.folders]).toEqual(['busy', 'new']));
    stop.abort();
    await running;
  });

  it('keeps back nobody else when the container in it has ended and it cannot be removed', async () => {
    const { api, containers, stop, run } = setUp();
    for (const uid of ['busy', 'orphan']) {
      containers.folders.add(uid);
      containers.running.add(uid);
    }
    containers.cannotRemove.add('busy');
    api.seed(pods, podOf('new'));
    const running = run();
    await vi.waitFor(() => expect([...containers.folders]).toEqual(['busy', 'new']));
    expect(containers.killed).toEqual(['busy', 'orphan']);
    stop.abort();
    await running;
  });

  it('is looked at again when it cannot be read, and its pod is not started before', async () => {
    const { api, clock, containers, stop, run } = setUp();
    for (const uid of ['unread', 'read']) {
      containers.folders.add(uid);
      containers.running.add(uid);
      api.seed(pods, podOf(uid));
    }
    containers.cannotRecover.add('unread');
    const running = run();
    const phase = (uid: string) => api.read(pods, { namespace: 'workers', name: `pod-${uid}` })?.status?.phase;
    await vi.waitFor(() => expect(phase('read')).toBe('Running'));
    await clock.advance(30_000);
    expect(phase('unread')).toBeUndefined();
    containers.cannotRecover.clear();
    await clock.advance(30_000);
    await vi.waitFor(() => expect(phase('unread')).toBe('Running'));
    expect(containers.started).toEqual([]);
    stop.abort();
    await running;
  });
});

describe('a pod of another namespace on the node', () => {
  it('is never started, is told why, and goes when it is deleted', async () => {
    const { api, containers, stop, run } = setUp();
    api.seed(pods, podOf('foreign', 'elsewhere'));
    const running = run();
    const ref = { namespace: 'elsewhere', name: 'pod-foreign' };
    await vi.waitFor(() =>
      expect(api.read(pods, ref)?.status?.containerStatuses?.[0]?.state.waiting?.reason).toBe('NotAWorkerPod'),
    );
    const { metadata, ...rest } = api.read(pods, ref) ?? podOf('foreign', 'elsewhere');
    api.seed(pods, { ...rest, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    await vi.waitFor(() => expect(api.read(pods, ref)).toBeUndefined());
    expect(containers.started).toEqual([]);
    stop.abort();
    await running;
  });

  it('is not seen where the agent has no right to, and its own namespace is served all the same', async () => {
    const { api, containers, stop, run } = setUp();
    api.fail('list', { error: apiError('Forbidden') });
    api.seed(pods, podOf('own'));
    const running = run();
    await vi.waitFor(() => expect(containers.started).toEqual(['own']));
    stop.abort();
    await running;
  });
});
