import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { ConfigMap, Pod, TokenRequest } from '../../../src/kube/core-types.ts';
import { makeRecorder, referenceTo } from '../../../src/kube/events.ts';
import { realClock } from '../../../src/kube/clock.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { configMaps, events, nodes, pods, serviceAccounts } from '../../../src/kube/resources.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';
import {
  addFinalizer,
  createIfAbsent,
  deleteIfPresent,
  getIfPresent,
  removeFinalizer,
  updateStatusIfChanged,
} from '../../../src/kube/writes.ts';
import { connect, makeNamespace } from './connection.ts';

let api: RestApi;
let namespace: string;
beforeAll(async () => {
  api = await connect();
  namespace = await makeNamespace(api, 'rest');
});
afterAll(() => api.close());

const config = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { namespace, name },
  data,
});
const forever = (): AbortSignal => new AbortController().signal;

describe('objects on a real API server', () => {
  test('are created, read, changed by compare-and-swap and deleted', async () => {
    const made = await api.create(configMaps, config('life', { a: '1' }));
    expect(await api.get(configMaps, { namespace, name: 'life' })).toEqual(made);
    const updated = await api.update(configMaps, { ...made, data: { a: '2' } });
    await expect(api.update(configMaps, { ...made, data: { a: '3' } })).rejects.toMatchObject({ code: 'Conflict' });
    await expect(api.create(configMaps, config('life'))).rejects.toMatchObject({ code: 'AlreadyExists' });
    const { resourceVersion = '' } = made.metadata ?? {};
    const ref = { namespace, name: 'life' };
    await expect(
      api.patch(configMaps, ref, { metadata: { resourceVersion }, data: { a: '4' } }, { type: 'merge' }),
    ).rejects.toMatchObject({ code: 'Conflict' });
    await expect(api.delete(configMaps, ref, { resourceVersion })).rejects.toMatchObject({ code: 'Conflict' });
    expect((await api.get(configMaps, ref)).data).toEqual({ a: '2' });
    await api.delete(configMaps, ref, { uid: updated.metadata?.uid ?? '' });
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({ code: 'NotFound', status: 404 });
    await expect(api.create(configMaps, config('Not A Name'))).rejects.toMatchObject({ code: 'Invalid' });
  });

  test('are patched by merge, by JSON patch and by server-side apply', async () => {
    const ref = { namespace, name: 'patched' };
    await api.create(configMaps, config('patched', { a: '1', b: '1' }));
    await api.patch(configMaps, ref, { data: { a: null, c: '1' } }, { type: 'merge' });
    await api.patch(configMaps, ref, [{ op: 'replace', path: '/data/b', value: '2' }], { type: 'json' });
    const apply = { metadata: { name: 'patched' }, data: { d: '1' } };
    const applied = await api.patch(configMaps, ref, apply, { type: 'apply', fieldManager: 'test', force: true });
    expect(applied.data).toEqual({ b: '2', c: '1', d: '1' });
  });

  test('have a status of their own, written only when it differs', async () => {
    const spec = { containers: [{ name: 'c', image: 'none' }], nodeName: 'nowhere' };
    const pod = await api.create<Pod>(pods, { metadata: { namespace, name: 'status' }, spec });
    const status = { ...pod.status, phase: 'Running' as const };
    const written = await updateStatusIfChanged(api, pods, pod, status);
    expect(written).toMatchObject({ conflict: false, changed: true, object: { status: { phase: 'Running' } } });
    expect(await updateStatusIfChanged(api, pods, pod, status)).toEqual({ conflict: true });
    if (written.conflict) return;
    expect(await updateStatusIfChanged(api, pods, written.object, status)).toMatchObject({ changed: false });
    expect(await deleteIfPresent(api, pods, { namespace, name: 'status' }, { gracePeriodSeconds: 0 })).toBe(true);
  });

  test('stay while a finalizer stands', async () => {
    const ref = { namespace, name: 'finalized' };
    const { object } = await createIfAbsent(api, configMaps, config('finalized'));
    const held = await addFinalizer(api, configMaps, object, 'twinreel.io/test');
    expect(held).toMatchObject({ conflict: false, changed: true });
    expect(
      await removeFinalizer(
        api,
        configMaps,
        { ...object, metadata: { ...object.metadata, finalizers: ['twinreel.io/test'] } },
        'twinreel.io/test',
      ),
    ).toEqual({ conflict: true });
    await api.delete(configMaps, ref);
    const deleting = await api.get(configMaps, ref);
    expect(deleting.metadata?.deletionTimestamp).toBeDefined();
    await removeFinalizer(api, configMaps, deleting, 'twinreel.io/test');
    expect(await getIfPresent(api, configMaps, ref)).toBeUndefined();
  });

  test('give a service account its token by a subresource, and know it by that', async () => {
    const ref = { namespace, name: 'worker' };
    await api.create(serviceAccounts, { metadata: ref });
    const request: TokenRequest = { spec: { expirationSeconds: 600 } };
    const answer = await api.createSubresource<TokenRequest>(serviceAccounts, ref, 'token', request);
    const dir = await mkdtemp(join(tmpdir(), 'twinreel-service-account-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const admin = await loadKubeConfig({ kubeconfig: inject('kubeconfig') });
    const { hostname, port } = new URL(admin.server);
    await writeFile(join(dir, 'token'), answer.status?.token ?? '');
    const { ca } = (await admin.credentials(false)).tls;
    await writeFile(join(dir, 'ca.crt'), ca instanceof Buffer ? ca : '');
    const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, TWINREEL_SERVICE_ACCOUNT_DIR: dir };
    const worker = makeRestApi({ kubeConfig: await loadKubeConfig({ env }) });
    onTestFinished(() => worker.close());
    await expect(worker.get(configMaps, ref)).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining(`system:serviceaccount:${namespace}:worker`) as string,
    });
  });

  test('get Events that the server accepts, counted in a series', async () => {
    const object = await api.create(configMaps, config('told'));
    const recorder = makeRecorder({
      api,
      controller: 'twinreel.io/test',
      instance: 'test',
      clock: realClock,
      log: silentLog,
    });
    const occurrence = { type: 'Normal', reason: 'Tested', action: 'Test', note: 'it works' } as const;
    for (let i = 0; i < 3; i += 1) recorder.record({ ...occurrence, regarding: referenceTo(configMaps, object) });
    await recorder.flush();
    const node = await api.create(nodes, { metadata: { generateName: 'node-' } });
    recorder.record({ ...occurrence, regarding: referenceTo(nodes, node) });
    recorder.record({ ...occurrence, regarding: referenceTo(configMaps, object) });
    await recorder.flush();
    const { items } = await api.list(events, { namespace, fieldSelector: 'reason=Tested' });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ note: 'it works', series: { count: 4 }, regarding: { name: 'told' } });
    const ofNode = await api.list(events, {
      namespace: 'default',
      // The node controller tells Events about new nodes, too.
      fieldSelector: `regarding.name=${node.metadata?.name},reason=Tested`,
    });
    expect(ofNode.items).toHaveLength(1);
    await api.delete(nodes, { name: node.metadata?.name ?? '' });
  });
});

describe('a watch on a real API server', () => {
  test('ends quietly at its time-out', async () => {
    const { resourceVersion } = await api.list(configMaps, { namespace });
    const types: string[] = [];
    for await (const event of api.watch(configMaps, { namespace, resourceVersion, timeoutSeconds: 1 }, forever())) {
      types.push(event.type);
    }
    expect(types.every((type) => type === 'BOOKMARK')).toBe(true);
  });

  test('gives an object of nearly a megabyte whole', async () => {
    const { resourceVersion } = await api.list(configMaps, { namespace });
    const text = '磁带'.repeat(160_000);
    await api.create(configMaps, config('big', { text }));
    const stop = new AbortController();
    for await (const event of api.watch(configMaps, { namespace, resourceVersion, timeoutSeconds: 30 }, stop.signal)) {
      if (event.type !== 'ADDED' || event.object.metadata?.name !== 'big') continue;
      expect(event.object.data?.['text']).toBe(text);
      break;
    }
  });
});
