import { describe, expect, it } from 'vitest';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import { ApiError, type Api, isApiError, type Resource } from '../../../src/kube/api.ts';
import { lenientApi } from '../../../src/kube/lenient-api.ts';
import { makeManualClock } from '../../manual-clock.ts';
import { makeMemoryApi } from './memory-api.ts';

const records: Resource = backupSaveRecords;
const pages: Resource = savePages;
const ref = { namespace: 'twinreel-system', name: 'one' };
const refusal = (code: 'Forbidden' | 'Unauthorized' | 'Invalid'): ApiError =>
  new ApiError({ code, message: `${code} by rbac`, status: 403, retryable: false, outcomeUnknown: false });

const bench = () => {
  const memory = makeMemoryApi();
  const clock = makeManualClock();
  return { memory, clock, api: lenientApi(memory, clock, 30_000) };
};

/** Whether the call was answered, and if not, whether it may be tried again. */
const told = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: unknown) =>
      isApiError(error) ? `${error.code}, ${error.retryable ? 'again' : 'final'}` : 'something else',
  );

const patch = (api: Api, resource = records): Promise<unknown> =>
  api.patch(resource, ref, { status: {} }, { type: 'merge', subresource: 'status' });

describe('an API server that has just been started', () => {
  it.each(['Forbidden', 'Unauthorized'] as const)('may say %s, and is asked again', async (code) => {
    const { memory, api } = bench();
    memory.fail('patch', { error: refusal(code) });
    const error: unknown = await patch(api).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, retryable: true, status: 403, message: `${code} by rbac` });
  });

  it('is believed once it has said so for long', async () => {
    const { memory, clock, api } = bench();
    const refused = async (): Promise<string> => {
      memory.fail('patch', { error: refusal('Forbidden') });
      return told(patch(api));
    };
    expect(await refused()).toBe('Forbidden, again');
    await clock.advance(29_999);
    expect(await refused()).toBe('Forbidden, again');
    await clock.advance(1);
    expect(await refused()).toBe('Forbidden, final');
  });

  it('gets its time anew once the same kind of call was answered, and only then', async () => {
    const { memory, clock, api } = bench();
    memory.seed(records, { metadata: { ...ref, uid: 'u' } });
    memory.seed(pages, { metadata: { ...ref, uid: 'v' } });
    memory.fail('patch', { error: refusal('Forbidden') });
    expect(await told(patch(api))).toBe('Forbidden, again');
    await clock.advance(30_000);
    expect(await told(api.get(records, ref))).toBe('answered');
    expect(await told(patch(api, pages))).toBe('answered');
    memory.fail('patch', { error: refusal('Forbidden') });
    expect(await told(patch(api))).toBe('Forbidden, final');
    expect(await told(patch(api))).toBe('answered');
    memory.fail('patch', { error: refusal('Forbidden') });
    expect(await told(patch(api))).toBe('Forbidden, again');
  });

  it('is believed at once in all else', async () => {
    const { memory, api } = bench();
    memory.fail('patch', { error: refusal('Invalid') });
    expect(await told(patch(api))).toBe('Invalid, final');
  });
});
