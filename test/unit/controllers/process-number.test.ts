import { describe, expect, it } from 'vitest';
import { counterName, nextProcessNumber } from '../../../src/controllers/process-number.ts';
import { configMaps } from '../../../src/kube/resources.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

const { signal } = new AbortController();
const ref = { namespace: 'ns', name: counterName };

describe('nextProcessNumber', () => {
  it('counts from 1', async () => {
    const api = makeMemoryApi();
    expect(await nextProcessNumber(api, 'ns', signal)).toBe(1);
    expect(await nextProcessNumber(api, 'ns', signal)).toBe(2);
  });

  it('gives no number twice, however many ask at once', async () => {
    const api = makeMemoryApi();
    const given = await Promise.all(Array.from({ length: 16 }, () => nextProcessNumber(api, 'ns', signal)));
    expect([...given].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  });

  it('leaves a gap where the answer to a write was lost', async () => {
    const api = makeMemoryApi();
    await nextProcessNumber(api, 'ns', signal);
    api.fail('update', { lost: true });
    await expect(nextProcessNumber(api, 'ns', signal)).rejects.toMatchObject({ outcomeUnknown: true });
    expect(await nextProcessNumber(api, 'ns', signal)).toBe(3);
  });

  it('tries again after a conflict', async () => {
    const api = makeMemoryApi();
    api.fail('update', { error: apiError('Conflict') });
    expect(await nextProcessNumber(api, 'ns', signal)).toBe(1);
  });

  it('does not begin anew when the counter is damaged', async () => {
    const api = makeMemoryApi();
    api.seed(configMaps, { metadata: ref, data: { processNumber: 'seven' } });
    await expect(nextProcessNumber(api, 'ns', signal)).rejects.toMatchObject({ code: 'CounterDamaged' });
  });
});
