import { describe, expect, it } from 'vitest';
import type { TokenRequest } from '../../../src/agent/core-objects.ts';
import { requestToken } from '../../../src/agent/service-account.ts';
import type { Api } from '../../../src/kube/api.ts';
import { makeMemoryApi } from '../kube/memory-api.ts';

const nowMs = Date.parse('2030-01-01T00:00:00Z');
const pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { serviceAccountName: 'a', containers: [] } };

const refreshIn = async (answer: TokenRequest): Promise<number> => {
  const answering: Pick<Api, 'createSubresource'> = {
    createSubresource: <R extends object>() => Promise.resolve(answer as R),
  };
  const api: Api = { ...makeMemoryApi(), ...answering };
  const identity = { name: 'p', namespace: 'n', uid: 'u' };
  const { refreshAtMs } = await requestToken(api, pod, identity, {}, nowMs, new AbortController().signal);
  return refreshAtMs - nowMs;
};

const status = (expirationTimestamp: string) => ({ token: 't', expirationTimestamp });

describe('a token', () => {
  it('is renewed after four fifths of the life that was granted', async () => {
    expect(await refreshIn({ spec: { expirationSeconds: 600 }, status: status('2030-01-01T00:10:00Z') })).toBe(480_000);
  });

  it.each([
    { name: 'behind', ends: '2030-01-01T05:00:00Z' },
    { name: 'ahead', ends: '2029-12-31T20:00:00Z' },
  ])('is renewed just so by a machine whose clock is hours $name', async ({ ends }) => {
    expect(await refreshIn({ spec: { expirationSeconds: 3600 }, status: status(ends) })).toBe(2_880_000);
  });

  it('is never asked for in a tight loop, whatever is granted', async () => {
    expect(await refreshIn({ spec: { expirationSeconds: 0 }, status: status('2030-01-01T00:00:00Z') })).toBe(10_000);
  });
});
