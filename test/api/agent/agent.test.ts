import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { leases, nodes, pods, type Pod } from '../../../src/agent/core-objects.ts';
import { MediaServer, processesOf, Site, waitFor } from './agent-harness.ts';

let site: Site;
let server: MediaServer;

beforeAll(async () => {
  site = await Site.make(inject('kubeconfig'));
  server = new MediaServer(site, `${site.namespace}-server-0`);
  await server.start();
});

afterAll(async () => {
  await server.dispose();
  await site.dispose();
});

const sh = (script: string) => ({ command: ['/bin/sh', '-c', script] });
const stateOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]?.state;
const conditionOf = (pod: Pod, type: string) => pod.status?.conditions?.find((condition) => condition.type === type);

describe('the node of an agent', () => {
  it('is Ready, bears our label and taint, and no label that a DaemonSet selects by', async () => {
    const node = await site.api.get(nodes, { name: server.name });
    expect(node.metadata?.labels).toMatchObject({
      'twinreel.io/media-server': 'true',
      'kubernetes.io/hostname': server.name,
    });
    expect(node.metadata?.labels).not.toHaveProperty(['kubernetes.io/os']);
    expect(node.spec?.taints).toContainEqual({ key: 'twinreel.io/media-server', effect: 'NoSchedule' });
    expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  });

  it('tells the machine and its boot, so that a new boot proves that nothing of before runs', async () => {
    const node = await site.api.get(nodes, { name: server.name });
    const bootID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(node.status?.nodeInfo).toMatchObject({ bootID, machineID: expect.stringMatching(/.+/) as unknown });
    expect(node.status?.capacity).toMatchObject({ cpu: expect.stringMatching(/^\d+$/) as unknown, pods: '110' });
  });

  it('renews its lease', async () => {
    const ref = { namespace: 'kube-node-lease', name: server.name };
    const first = await site.api.get(leases, ref);
    expect(first.spec).toMatchObject({ holderIdentity: server.name, leaseDurationSeconds: 40 });
    await waitFor('a later renewal', async () => {
      const { spec } = await site.api.get(leases, ref);
      return spec?.renewTime !== first.spec?.renewTime ? true : undefined;
    });
  });
});

describe('a worker pod', () => {
  it('runs as a process and succeeds with its termination message', async () => {
    const pod = await site.createPod(server, sh('printf "all well" > "$TWINREEL_TERMINATION_LOG"; echo seen'));
    const done = await site.untilPhase(pod, 'Succeeded');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed', message: 'all well' });
    expect(done.status?.containerStatuses?.[0]?.containerID).toBe(`twinreel://${pod.metadata?.uid}/0`);
    expect(conditionOf(done, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    const log = join(server.state, 'pods', pod.metadata?.uid ?? '', 'logs/worker.log');
    expect(readFileSync(log, 'utf8')).toBe('seen\n');
  });

  it('is Running and Ready while its process lives', async () => {
    const pod = await site.createPod(server, sh('sleep 1000'));
    const running = await site.untilPhase(pod, 'Running');
    expect(stateOf(running)?.running?.startedAt).toMatch(/^\d{4}-/);
    expect(running.status).toMatchObject({
      hostIP: expect.any(String) as unknown,
      startTime: expect.any(String) as unknown,
    });
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready']) {
      expect(conditionOf(running, type)).toMatchObject({ status: 'True' });
    }
    await site.delete(pod, 0);
    await site.untilGone(pod);
    await waitFor('its processes are gone', () => (processesOf(pod).length === 0 ? true : undefined));
  });

  it('is Ready again after somebody has taken its readiness away', async () => {
    const pod = await site.createPod(server, sh('sleep 1000'));
    const running = await site.untilPhase(pod, 'Running');
    const conditions = running.status?.conditions?.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady' } : condition,
    );
    const ref = { namespace: site.namespace, name: pod.metadata?.name ?? '' };
    await site.api.patch(pods, ref, { status: { conditions } }, { type: 'merge', subresource: 'status' });
    await waitFor('it is Ready', async () => {
      const found = await site.findPod(pod);
      return found !== undefined && conditionOf(found, 'Ready')?.status === 'True' ? true : undefined;
    });
    await site.delete(pod, 0);
  });

  it('fails with the exit code of its process and the end of its log where it asks for that', async () => {
    const pod = await site.createPod(server, {
      ...sh('echo first; echo the disk is on fire >&2; exit 7'),
      terminationMessagePolicy: 'FallbackToLogsOnError',
    });
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated).toMatchObject({
      exitCode: 7,
      reason: 'Error',
      message: 'first\nthe disk is on fire\n',
    });
  });

  it('fails with 137 and signal 9 when its process is killed by somebody', async () => {
    // As Kubernetes has it, `$$` in an argument is one dollar sign.
    const pod = await site.createPod(server, sh('kill -9 $$$$'));
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });
  });

  it('leaves no process behind when its main process ends before its children', async () => {
    const pod = await site.createPod(server, sh('setsid sleep 1000 & sleep 1000 & exit 0'));
    await site.untilPhase(pod, 'Succeeded');
    expect(processesOf(pod)).toEqual([]);
  });

  it('is ended when its active deadline is over', async () => {
    const pod = await site.createPod(server, sh('sleep 1000'), {
      spec: { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 },
    });
    const done = await site.untilPhase(pod, 'Failed');
    expect(done.status?.reason).toBe('DeadlineExceeded');
    expect(stateOf(done)?.terminated?.exitCode).toBe(143);
  });
});

describe('the deletion of a worker pod', () => {
  it('lets the process end by itself on SIGTERM', async () => {
    const marker = join(site.folder, 'asked-to-end');
    const pod = await site.createPod(server, {
      command: [
        '/bin/sh',
        '-c',
        'trap \'echo asked > "$0"; exit 0\' TERM; echo ready; while :; do sleep 0.05; done',
        marker,
      ],
    });
    await waitFor('the trap stands', () => (server.readLog(pod).includes('ready') ? true : undefined));
    await site.delete(pod, 30);
    await site.untilGone(pod);
    expect(readFileSync(marker, 'utf8')).toBe('asked\n');
    expect(processesOf(pod)).toEqual([]);
  });

  it('kills what does not end within the grace, children included', async () => {
    const pod = await site.createPod(
      server,
      sh("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 0.05; done"),
      {
        metadata: {
          name: 'stubborn',
          namespace: site.namespace,
          labels: { 'twinreel.io/worker': 'true' },
          finalizers: ['twinreel.io/fence'],
        },
      },
    );
    await waitFor('the process ignores SIGTERM', () => (server.readLog(pod).includes('ready') ? true : undefined));
    await site.delete(pod, 1);
    const ended = await waitFor('the end is reported', async () => {
      const found = await site.findPod(pod);
      return stateOf(found)?.terminated === undefined ? undefined : found;
    });
    expect(stateOf(ended)?.terminated).toMatchObject({ exitCode: 137, signal: 9 });
    expect(processesOf(pod)).toEqual([]);
    await site.releaseFinalizers(pod);
  });

  it('lets the object stand with the end of its container as long as another holds a finalizer', async () => {
    const pod = await site.createPod(server, sh('sleep 1000'), {
      metadata: {
        name: 'fenced',
        namespace: site.namespace,
        labels: { 'twinreel.io/worker': 'true' },
        finalizers: ['twinreel.io/fence'],
      },
    });
    await site.untilPhase(pod, 'Running');
    await site.delete(pod, 5);
    const held = await waitFor('the grace is over', async () => {
      const found = await site.findPod(pod);
      return found?.metadata?.deletionGracePeriodSeconds === 0 ? found : undefined;
    });
    expect(held.metadata?.finalizers).toEqual(['twinreel.io/fence']);
    expect(stateOf(held)?.terminated).toMatchObject({ exitCode: 143, signal: 15 });
    await site.releaseFinalizers(pod);
    await waitFor('its folder is gone', () => (server.readLog(pod) === '' ? true : undefined));
  });

  it('reports a pod that never ran as terminated without a start', async () => {
    const pod = await site.createPod(
      server,
      { ...sh('true'), volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      {
        spec: { volumes: [{ name: 'v', hostPath: { path: join(site.folder, 'missing'), type: 'Directory' } }] },
        metadata: {
          name: 'early',
          namespace: site.namespace,
          labels: { 'twinreel.io/worker': 'true' },
          finalizers: ['twinreel.io/fence'],
        },
      },
    );
    await waitFor('it waits', async () => stateOf(await site.findPod(pod))?.waiting);
    await site.delete(pod, 30);
    const held = await waitFor('the end is reported', async () => stateOf(await site.findPod(pod))?.terminated);
    expect(held).toMatchObject({ reason: 'NeverStarted' });
    expect(held.startedAt ?? null).toBeNull();
    await site.releaseFinalizers(pod);
  });

  it('kills the process at once when the pod is removed by force', async () => {
    const pod = await site.createPod(server, sh("trap '' TERM; while :; do sleep 0.05; done"));
    await site.untilPhase(pod, 'Running');
    await site.delete(pod, 0);
    await waitFor('its processes are gone', () => (processesOf(pod).length === 0 ? true : undefined));
    expect(await site.findPod(pod)).toBeUndefined();
  });
});
