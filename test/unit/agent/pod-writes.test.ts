import { describe, expect, it } from 'vitest';
import { pods, type Pod } from '../../../src/agent/core-objects.ts';
import { makePodWrites } from '../../../src/agent/pod-writes.ts';
import { realClock } from '../../../src/kube/clock.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

const ref = { namespace: 'n', name: 'p' };
const stored: Pod = { metadata: { ...ref, uid: 'u' }, spec: { containers: [] } };

const make = () => {
  const api = makeMemoryApi();
  api.seed(pods, stored);
  const life = new AbortController();
  const deps = { api, clock: realClock, log: silentLog, signal: life.signal };
  return { api, life, writes: makePodWrites(deps, { ...ref, uid: 'u' }) };
};

describe('the report of a pod', () => {
  it('is sent again until it is accepted', async () => {
    const { api, writes } = make();
    for (let i = 0; i < 3; i += 1) api.fail('patch', { error: apiError('Unreachable') });
    expect(await writes.report({ phase: 'Running' })).toBe('accepted');
    expect(api.read(pods, ref)?.status?.phase).toBe('Running');
    expect(api.calls.filter((call) => call === 'patch').length).toBe(4);
  });

  it('is passed over when a later one waits, and never comes after it', async () => {
    const { api, writes } = make();
    api.fail('patch', { error: apiError('ServerError') });
    const first = writes.report({ phase: 'Running' });
    const second = writes.report({ phase: 'Failed' });
    const third = writes.report({ phase: 'Succeeded' });
    expect(await Promise.all([first, second, third])).toEqual(['accepted', 'accepted', 'accepted']);
    expect(api.read(pods, ref)?.status?.phase).toBe('Succeeded');
    expect(api.calls.filter((call) => call === 'patch').length).toBeLessThanOrEqual(3);
  });

  it('is repeated after a conflict as long as the pod is the same', async () => {
    const { api, writes } = make();
    api.fail('patch', { error: apiError('Conflict') });
    expect(await writes.report({ phase: 'Running' })).toBe('accepted');
  });

  it('ends when another pod bears the name', async () => {
    const { api, writes } = make();
    api.remove(pods, ref);
    api.seed(pods, { ...stored, metadata: { ...ref, uid: 'other' } });
    api.fail('patch', { error: apiError('Conflict') });
    expect(await writes.report({ phase: 'Running' })).toBe('podGone');
  });

  it('ends when the pod has gone', async () => {
    const { api, writes } = make();
    api.remove(pods, ref);
    expect(await writes.report({ phase: 'Failed' })).toBe('podGone');
    expect(await writes.remove()).toBe('podGone');
  });

  it('ends without an error when the agent lets go', async () => {
    const { api, life, writes } = make();
    for (let i = 0; i < 5; i += 1) api.fail('patch', { error: apiError('Unreachable') });
    const report = writes.report({ phase: 'Running' });
    life.abort();
    expect(await report).toBe('aborted');
  });
});
