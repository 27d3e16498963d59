import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/controlplane/control-plane.ts';

describe('the control plane of this run', () => {
  it('has written a kubeconfig', () => {
    expect(readFileSync(inject('kubeconfig'), 'utf8')).toContain('https://127.0.0.1:');
  });
});

describe('a control plane', () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'twinreel-control-plane-'));
  let controlPlane: ControlPlane;
  const kubectl = async (...args: string[]): Promise<string> => {
    const result = await controlPlane.kubectl(args);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    return result.stdout;
  };

  beforeAll(async () => {
    controlPlane = await startControlPlane({ stateDir });
  });
  afterAll(async () => {
    await controlPlane.stop();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('runs etcd, API server, controller manager and scheduler', () => {
    expect(controlPlane.processes().map((one) => one.role)).toEqual([
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ]);
  });

  it('is Kubernetes 1.37', async () => {
    const version: unknown = JSON.parse(await kubectl('version', '-o', 'json'));
    expect(version).toMatchObject({ serverVersion: { major: '1', minor: '37', gitVersion: 'v1.37.2' } });
  });

  it('runs controllers: a namespace gets its default service account', async () => {
    await kubectl('create', 'namespace', 'accounts');
    await kubectl('wait', '--for=create', '--timeout=30s', '-n', 'accounts', 'serviceaccount/default');
  });

  it('runs the scheduler: a pod that fits nowhere is told why', async () => {
    await kubectl('create', 'namespace', 'pods');
    await kubectl('wait', '--for=create', '--timeout=30s', '-n', 'pods', 'serviceaccount/default');
    await kubectl('run', 'waiting', '-n', 'pods', '--image=none');
    const wait = ['wait', '--for=condition=PodScheduled=false', '--timeout=30s', '-n', 'pods', 'pod/waiting'];
    expect(await kubectl(...wait)).toContain('condition met');
  });

  it('lets a node write its own object and no other', async () => {
    const file = path.join(stateDir, 'node.kubeconfig');
    await controlPlane.issueKubeconfig(file, { user: 'system:node:server-0', groups: ['system:nodes'] });
    const createNode = (name: string): Promise<{ readonly code: number; readonly stderr: string }> =>
      controlPlane.kubectl(
        ['--kubeconfig', file, 'create', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name } }),
      );
    expect(await createNode('server-0')).toMatchObject({ code: 0 });
    const other = await createNode('server-1');
    expect(other.code).not.toBe(0);
    expect(other.stderr).toContain('is not allowed to modify node "server-1"');
  });

  it('gives an unknown user no rights', async () => {
    const file = path.join(stateDir, 'stranger.kubeconfig');
    await controlPlane.issueKubeconfig(file, { user: 'stranger' });
    const result = await controlPlane.kubectl(['--kubeconfig', file, 'get', 'pods', '-n', 'default']);
    expect(result.stderr).toContain('forbidden');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('keeps its data when the API server is ended by %s', async (how) => {
    const name = `survives-${how.toLowerCase()}`;
    await kubectl('create', 'configmap', name);
    await controlPlane.stopApiServer(how);
    expect(controlPlane.processes().map((one) => one.role)).not.toContain('kube-apiserver');
    await controlPlane.startApiServer();
    expect(await kubectl('get', 'configmap', name, '-o', 'name')).toBe(`configmap/${name}\n`);
  });

  it('keeps its data when etcd is killed', async () => {
    await kubectl('create', 'configmap', 'survives-etcd');
    await controlPlane.stopProcess('etcd', 'SIGKILL');
    await controlPlane.startProcess('etcd');
    const get = ['get', 'configmap', 'survives-etcd', '-o', 'name'];
    await expect.poll(() => controlPlane.kubectl(get), { timeout: 30_000 }).toMatchObject({ code: 0 });
  });

  it('leaves no process when stopped', async () => {
    const pids = controlPlane.processes().map((one) => one.pid);
    expect(pids).toHaveLength(4);
    await controlPlane.stop();
    expect(controlPlane.processes()).toEqual([]);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  it('has the same data when started again on its folder', async () => {
    controlPlane = await startControlPlane({ stateDir });
    expect(await kubectl('get', 'configmap', 'survives-etcd', '-o', 'name')).toBe('configmap/survives-etcd\n');
  });
});
