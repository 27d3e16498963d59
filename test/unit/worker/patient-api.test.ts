import { beforeEach, describe, expect, it } from 'vitest';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import type { Api } from '../../../src/kube/api.ts';
import { errorOfAnswer } from '../../../src/kube/http-error.ts';
import { isAway } from '../../../src/worker/head.ts';
import { patientApi } from '../../../src/worker/patient-api.ts';
import { makeMemoryApi, type MemoryApi } from '../kube/memory-api.ts';

const ref = { namespace: 'twinreel-system', name: 'r' };
const job = { kind: 'BackupJob', uid: 'u', namespace: 'default', name: 'x', processNumber: 1 } as const;
const patienceMs = 20_000;

let memory: MemoryApi;
let now: number;
let api: Api;
beforeEach(() => {
  memory = makeMemoryApi();
  now = 1_000;
  api = patientApi(memory, { now: () => now }, patienceMs);
  memory.seed(backupSaveRecords, { metadata: ref, spec: { type: 'Stream', job } });
});

const asked = { method: 'PATCH', path: '/r' };

const patch = () =>
  api.patch(backupSaveRecords, ref, { status: { activity: 'Writing' } }, { type: 'merge', subresource: 'status' });

/** What becomes of one call that the server refuses. */
const refusedPatch = async (status = 403): Promise<unknown> => {
  memory.fail('patch', { error: errorOfAnswer(asked, status, '') });
  return patch().then(
    () => undefined,
    (error: unknown) => error,
  );
};

describe('patientApi', () => {
  it.each([
    [403, 'Forbidden'],
    [401, 'Unauthorized'],
  ])('takes a first %d for an API that is away', async (status, code) => {
    const error = await refusedPatch(status);
    expect(error).toMatchObject({ code, retryable: true, outcomeUnknown: false });
    expect(isAway(error)).toBe(true);
  });

  it('believes a refusal that lasts', async () => {
    await refusedPatch();
    now += patienceMs - 1;
    expect(isAway(await refusedPatch())).toBe(true);
    now += 1;
    expect(await refusedPatch()).toMatchObject({ code: 'Forbidden', retryable: false });
  });

  it('counts anew after a success of the same call, and of no other', async () => {
    await refusedPatch();
    now += patienceMs;
    await api.get(backupSaveRecords, ref);
    expect(isAway(await refusedPatch())).toBe(false);
    await patch();
    expect(isAway(await refusedPatch())).toBe(true);
  });

  it('counts each object by itself', async () => {
    await refusedPatch();
    now += patienceMs;
    memory.fail('get', { error: errorOfAnswer(asked, 403, '') });
    const error: unknown = await api.get(savePages, ref).catch((reason: unknown) => reason);
    expect(isAway(error)).toBe(true);
  });

  it('leaves every other answer as it is', async () => {
    expect(await refusedPatch(422)).toMatchObject({ code: 'Invalid', retryable: false });
    await expect(patch()).resolves.toMatchObject({ status: { activity: 'Writing' } });
  });
});
