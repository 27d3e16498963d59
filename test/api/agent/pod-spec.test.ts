import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { pods, secrets, serviceAccounts, type Pod } from '../../../src/agent/core-objects.ts';
import { agentAccount, readRight, workerAccount } from './agent-rights.ts';
import { MediaServer, namespaces, processesOf, Site, waitFor } from './agent-harness.ts';

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
const message = (pod: Pod) => stateOf(pod)?.terminated?.message;

describe('the process of a pod', () => {
  it('sees a clean environment, its variables, and the fields that they name', async () => {
    const pod = await site.createPod(
      server,
      {
        ...sh('env > "$TWINREEL_TERMINATION_LOG"'),
        env: [
          { name: 'PLAIN', value: 'one' },
          { name: 'JOINED', value: '$(PLAIN) and $(UNKNOWN)' },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'UID_OF_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'NOTE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['example.com/note']" } } },
        ],
      },
      {
        metadata: {
          name: 'environment',
          namespace: site.namespace,
          labels: { 'twinreel.io/worker': 'true' },
          annotations: { 'example.com/note': 'seen' },
        },
      },
    );
    const lines = message(await site.untilPhase(pod, 'Succeeded'))?.split('\n') ?? [];
    for (const line of [
      'PLAIN=one',
      'JOINED=one and $(UNKNOWN)',
      'POD=environment',
      `UID_OF_POD=${pod.metadata?.uid}`,
      `NODE=${server.name}`,
      'NOTE=seen',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.filter((line) => line.includes('TWINREEL_TEST_SECRET'))).toEqual([]);
    expect(lines.some((line) => line.startsWith('KUBERNETES_SERVICE_HOST='))).toBe(true);
  });

  it('finds its volumes where they lie on the machine', async () => {
    const data = join(site.folder, 'data');
    mkdirSync(join(data, 'inner'), { recursive: true });
    const report = 'printf "%s\\n" "$ROOT" "$DEEP" "$OTHER" "$SCRATCH" "$@" "$PWD" > "$TWINREEL_TERMINATION_LOG"';
    const pod = await site.createPod(
      server,
      {
        command: ['/bin/sh', '-c', report, 'sh'],
        args: ['--library=/mnt/data/x', '/mnt/data', '/mnt/database'],
        workingDir: '/mnt/inner',
        env: [
          { name: 'ROOT', value: '/mnt/data/' },
          { name: 'DEEP', value: '/mnt/inner/a' },
          { name: 'OTHER', value: '/mnt/database' },
          { name: 'SCRATCH', value: '/scratch/b' },
        ],
        volumeMounts: [
          { name: 'data', mountPath: '/mnt/data' },
          { name: 'data', mountPath: '/mnt/inner', subPath: 'inner' },
          { name: 'scratch', mountPath: '/scratch' },
        ],
      },
      {
        spec: {
          volumes: [
            { name: 'data', hostPath: { path: data, type: 'Directory' } },
            { name: 'scratch', emptyDir: {} },
          ],
        },
      },
    );
    const scratch = join(server.state, 'pods', pod.metadata?.uid ?? '', 'volumes/scratch/b');
    expect(
      message(await site.untilPhase(pod, 'Succeeded'))
        ?.trim()
        .split('\n'),
    ).toEqual([
      data,
      join(data, 'inner/a'),
      '/mnt/database',
      scratch,
      `--library=${join(data, 'x')}`,
      data,
      '/mnt/database',
      realpathSync(join(data, 'inner')),
    ]);
  });

  it('waits for a host path that is not there and starts when it is', async () => {
    const path = join(site.folder, 'later');
    const pod = await site.createPod(
      server,
      { ...sh('true'), volumeMounts: [{ name: 'later', mountPath: '/later' }] },
      { spec: { volumes: [{ name: 'later', hostPath: { path, type: 'Directory' } }] } },
    );
    const waiting = await waitFor('it says what is missing', async () => {
      const state = stateOf(await site.findPod(pod));
      return state?.waiting?.reason === 'CreateContainerConfigError' ? state.waiting : undefined;
    });
    expect(waiting.message).toBe(`hostPath type check failed: ${path} is not a directory`);
    mkdirSync(path);
    await site.untilPhase(pod, 'Succeeded');
  });

  it('gets a value from a Secret, where the agent may read it', async () => {
    for (const { resource, object } of readRight(site.namespace, agentAccount, 'secrets')) {
      await site.api.create(resource, object);
    }
    await site.api.create(secrets, {
      metadata: { name: 'key', namespace: site.namespace },
      data: { password: Buffer.from('open sesame').toString('base64') },
    });
    const pod = await site.createPod(server, {
      ...sh('printf %s "$KEY" > "$TWINREEL_TERMINATION_LOG"'),
      env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'key', key: 'password' } } }],
    });
    expect(message(await site.untilPhase(pod, 'Succeeded'))).toBe('open sesame');
  });

  it('calls the API as its own service account', async () => {
    const { namespace } = site;
    for (const { resource, object } of readRight(namespace, workerAccount, 'pods'))
      await site.api.create(resource, object);
    const room = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../src', path));
    const script = join(site.folder, 'read-own-pod.ts');
    writeFileSync(
      script,
      `import { writeFileSync } from 'node:fs';
       import { loadKubeConfig } from ${room('kube/kube-config.ts')};
       import { makeRestApi } from ${room('kube/rest-api.ts')};
       import { pods } from ${room('agent/core-objects.ts')};
       const api = makeRestApi({ kubeConfig: await loadKubeConfig() });
       const pod = await api.get(pods, { namespace: process.argv[2], name: process.argv[3] });
       writeFileSync(process.env.TWINREEL_TERMINATION_LOG, pod.metadata.uid);
       api.close();`,
    );
    const command = [process.execPath, script];
    const pod = await site.createPod(server, { command, args: [namespace, '$(SELF)'], env: [nameOfPod] });
    expect(message(await site.untilPhase(pod, 'Succeeded'))).toBe(pod.metadata?.uid);
  });

  it('has its account where Kubernetes puts it, readable by the owner only', async () => {
    const pod = await site.createPod(server, {
      ...sh(
        'cd "$ACCOUNT" && stat -c "%n %a" * > "$TWINREEL_TERMINATION_LOG"; cat namespace >> "$TWINREEL_TERMINATION_LOG"',
      ),
      env: [{ name: 'ACCOUNT', value: '/var/run/secrets/kubernetes.io/serviceaccount' }],
    });
    const lines = message(await site.untilPhase(pod, 'Succeeded'))?.split('\n');
    expect(lines).toEqual(['ca.crt 600', 'namespace 600', 'token 600', site.namespace]);
  });
});

const nameOfPod = { name: 'SELF', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };

/** Pods that anybody may put onto the node: even with our label they are not run, and they hold back no namespace. */
const answersForOtherNamespaces = async (own: MediaServer): Promise<void> => {
  const { metadata } = await site.api.create(namespaces, { metadata: { generateName: 'elsewhere-' } });
  const namespace = metadata?.name ?? '';
  const ref = { namespace, name: 'stranger' };
  await waitFor('its account', () => site.find(serviceAccounts, { namespace, name: 'default' }));
  const pod = await site.createPod(own, sh('sleep 1000'), {
    metadata: { ...ref, labels: { 'twinreel.io/worker': 'true' } },
    spec: { serviceAccountName: 'default' },
  });
  const waiting = await waitFor('it says why', async () => stateOf(await site.find(pods, ref))?.waiting);
  expect(waiting.reason).toBe('NotAWorkerPod');
  expect(processesOf(pod)).toEqual([]);
  await site.api.delete(namespaces, { name: namespace });
  await waitFor('its namespace has gone', async () =>
    (await site.find(namespaces, { name: namespace })) === undefined ? true : undefined,
  );
};

describe('an agent', () => {
  it('leaves a pod without our label Pending, says why, and lets it go when it is deleted', async () => {
    const pod = await site.createPod(server, sh('sleep 1000'), {
      metadata: { name: 'foreign', namespace: site.namespace, labels: {} },
    });
    const waiting = await waitFor('it says why', async () => stateOf(await site.findPod(pod))?.waiting);
    expect(waiting.reason).toBe('NotAWorkerPod');
    expect((await site.findPod(pod))?.status?.phase).toBe('Pending');
    expect(processesOf(pod)).toEqual([]);
    await site.delete(pod, 30);
    await site.untilGone(pod);
  });

  it('runs a pod that the scheduler has bound by selector and toleration', async () => {
    const { namespace } = site;
    const made = await site.api.create(pods, {
      metadata: { name: 'scheduled', namespace, labels: { 'twinreel.io/worker': 'true' } },
      spec: {
        restartPolicy: 'Never',
        serviceAccountName: workerAccount,
        nodeSelector: { 'kubernetes.io/hostname': server.name },
        tolerations: [{ key: 'twinreel.io/media-server', operator: 'Exists', effect: 'NoSchedule' }],
        containers: [{ name: 'worker', image: 'twinreel', ...sh('true') }],
      },
    });
    expect((await site.untilPhase(made, 'Succeeded')).spec?.nodeName).toBe(server.name);
  });

  it.each([
    {
      name: 'two containers',
      spec: { containers: ['a', 'b'].map((name) => ({ name, image: 'i', ...sh('true') })) },
      says: 'exactly one',
    },
    {
      name: 'a restart policy other than Never',
      spec: { restartPolicy: 'OnFailure' },
      says: 'restartPolicy is OnFailure',
    },
    { name: 'an init container', spec: { initContainers: [{ name: 'first', image: 'i' }] }, says: 'init containers' },
    {
      name: 'a volume that it can not mount',
      spec: { volumes: [{ name: 'v', nfs: { server: 'x', path: '/' } }] },
      says: 'of kind nfs',
    },
  ])('fails a worker pod that has $name', async ({ spec, says }) => {
    const pod = await site.createPod(server, sh('true'), { spec });
    const failed = await site.untilPhase(pod, 'Failed');
    expect(failed.status).toMatchObject({
      reason: 'UnsupportedPod',
      message: expect.stringContaining(says) as unknown,
    });
    expect(stateOf(failed)?.terminated?.reason).toBe('NeverStarted');
  });

  it('waits with a pod whose account it may not speak for', async () => {
    const pod = await site.createPod(server, sh('true'), { spec: { serviceAccountName: 'default' } });
    const waiting = await waitFor('it says why', async () => stateOf(await site.findPod(pod))?.waiting);
    expect(waiting.reason).toBe('CreateContainerConfigError');
    expect(waiting.message).toContain('no token for service account default');
    await site.delete(pod, 30);
    await site.untilGone(pod);
  });

  it('needs no more rights than a kubelet has for its own node', async () => {
    const name = `${site.namespace}-server-2`;
    const own = new MediaServer(site, name);
    try {
      await own.start({ kubeconfig: await site.nodeKubeconfig(name) });
      const pod = await site.createPod(own, sh('test -s "$TWINREEL_SERVICE_ACCOUNT_DIR/token"'));
      await site.untilPhase(pod, 'Succeeded');
      await site.delete(pod, 30);
      await site.untilGone(pod);
      await answersForOtherNamespaces(own);
      // An existing node is taken over with the same rights.
      await own.stop();
      await own.start({ kubeconfig: await site.nodeKubeconfig(name) });
      expect(await own.ready()).toBe('True');
    } finally {
      await own.dispose();
    }
  });

  it('runs its entrypoint with the arguments of the pod, and no command of the pod', async () => {
    const strict = new MediaServer(site, `${site.namespace}-server-1`);
    const program = 'echo "$0 $1" > "$TWINREEL_TERMINATION_LOG"';
    try {
      await strict.start({ allowCommand: false, entrypoint: ['/bin/sh', '-c', program, 'entry'] });
      const good = await site.createPod(strict, { args: ['inventory'] });
      const bad = await site.createPod(strict, sh('true'));
      expect(message(await site.untilPhase(good, 'Succeeded'))).toBe('entry inventory\n');
      expect((await site.untilPhase(bad, 'Failed')).status?.message).toContain('names a command');
    } finally {
      await strict.dispose();
    }
  });

  it('keeps the log of a pod that has gone', async () => {
    const pod = await site.createPod(server, sh('echo last words'));
    await site.untilPhase(pod, 'Succeeded');
    await site.delete(pod, 30);
    await site.untilGone(pod);
    const kept = join(server.state, 'ended', `${pod.metadata?.name}-${pod.metadata?.uid?.slice(0, 8)}.log`);
    const text = await waitFor('the log is kept', () => {
      try {
        return readFileSync(kept, 'utf8');
      } catch {
        return undefined;
      }
    });
    expect(text).toBe('last words\n');
  });
});
