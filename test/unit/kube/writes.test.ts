import { describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../../src/kube/core-types.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import {
  addFinalizer,
  createIfAbsent,
  deleteIfPresent,
  getIfPresent,
  removeFinalizer,
  updateStatusIfChanged,
} from '../../../src/kube/writes.ts';
import { apiError, makeMemoryApi } from './memory-api.ts';

const ref = { namespace: 'ns', name: 'a' };

describe('a status write', () => {
  test('is not sent when nothing would change', async () => {
    const api = makeMemoryApi();
    const pod = api.seed<Pod>(pods, { metadata: ref, status: { phase: 'Running' } });
    const result = await updateStatusIfChanged(api, pods, pod, { phase: 'Running' });
    expect(result).toEqual({ conflict: false, changed: false, object: pod });
    expect(api.calls).toEqual([]);
  });

  test('gives the new object', async () => {
    const api = makeMemoryApi();
    const pod = api.seed<Pod>(pods, { metadata: ref });
    const result = await updateStatusIfChanged(api, pods, pod, { phase: 'Running' });
    expect(result).toMatchObject({ conflict: false, changed: true, object: { status: { phase: 'Running' } } });
    expect(api.read(pods, ref)?.status?.phase).toBe('Running');
  });

  test('is a conflict, as a value, when the object has changed or is gone', async () => {
    const api = makeMemoryApi();
    const seen = api.seed<Pod>(pods, { metadata: ref });
    api.seed<Pod>(pods, { ...seen, status: { phase: 'Failed' } });
    expect(await updateStatusIfChanged(api, pods, seen, { phase: 'Running' })).toEqual({ conflict: true });
    expect(api.read(pods, ref)?.status?.phase).toBe('Failed');
    api.remove(pods, ref);
    expect(await updateStatusIfChanged(api, pods, seen, { phase: 'Running' })).toEqual({ conflict: true });
  });

  test('passes other failures on', async () => {
    const api = makeMemoryApi();
    const pod = api.seed<Pod>(pods, { metadata: ref });
    api.fail('updateStatus', { lost: true });
    await expect(updateStatusIfChanged(api, pods, pod, { phase: 'Running' })).rejects.toMatchObject({
      code: 'Unreachable',
      outcomeUnknown: true,
    });
  });

  test('is refused without the version that was seen', async () => {
    const api = makeMemoryApi();
    const blind: Node = { metadata: { name: 'n' } };
    await expect(updateStatusIfChanged(api, nodes, blind, { conditions: [] })).rejects.toThrow(TypeError);
  });
});

describe('finalizers', () => {
  test('are added once and taken off once', async () => {
    const api = makeMemoryApi();
    const plain = api.seed<Pod>(pods, { metadata: { ...ref, finalizers: ['other'] } });
    const added = await addFinalizer(api, pods, plain, 'mine');
    if (added.conflict) throw new Error('unexpected conflict');
    expect(added.object.metadata?.finalizers).toEqual(['other', 'mine']);
    expect(await addFinalizer(api, pods, added.object, 'mine')).toMatchObject({ changed: false });
    const removed = await removeFinalizer(api, pods, added.object, 'mine');
    if (removed.conflict) throw new Error('unexpected conflict');
    expect(removed.object.metadata?.finalizers).toEqual(['other']);
    expect(await removeFinalizer(api, pods, removed.object, 'mine')).toMatchObject({ changed: false });
  });

  test('are not changed on another version than was seen', async () => {
    const api = makeMemoryApi();
    const seen = api.seed<Pod>(pods, { metadata: { ...ref, finalizers: ['mine'] } });
    api.seed<Pod>(pods, { metadata: { ...ref, finalizers: ['mine', 'other'] } });
    expect(await removeFinalizer(api, pods, seen, 'mine')).toEqual({ conflict: true });
    expect(api.read(pods, ref)?.metadata?.finalizers).toEqual(['mine', 'other']);
  });
});

describe('what may be there or not', () => {
  test('is created once', async () => {
    const api = makeMemoryApi();
    expect(await createIfAbsent(api, pods, { metadata: ref })).toMatchObject({ created: true });
    expect(await createIfAbsent(api, pods, { metadata: ref })).toMatchObject({ created: false });
  });

  test('is deleted once', async () => {
    const api = makeMemoryApi();
    api.seed(pods, { metadata: ref });
    expect(await deleteIfPresent(api, pods, ref)).toBe(true);
    expect(await deleteIfPresent(api, pods, ref)).toBe(false);
    api.fail('delete', { error: apiError('Conflict') });
    expect(await deleteIfPresent(api, pods, ref, { uid: 'of another one' })).toBe(false);
    api.fail('delete', { error: apiError('Conflict') });
    await expect(deleteIfPresent(api, pods, ref, { resourceVersion: '5' })).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('is read as undefined when it is not', async () => {
    const api = makeMemoryApi();
    expect(await getIfPresent(api, pods, ref)).toBeUndefined();
    api.fail('get', { error: apiError('Forbidden') });
    await expect(getIfPresent(api, pods, ref)).rejects.toMatchObject({ code: 'Forbidden' });
  });
});
