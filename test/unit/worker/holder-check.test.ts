import { beforeEach, describe, expect, it } from 'vitest';
import { tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { checkHolder, type GrantedOrder } from '../../../src/worker/holder-check.ts';
import { makeManualClock, type ManualClock } from '../../manual-clock.ts';
import { holder, library, tape, uid } from '../../support/hardware-objects.ts';
import { apiError, makeMemoryApi, type MemoryApi } from '../kube/memory-api.ts';

const order: GrantedOrder = {
  job: { kind: 'BackupJob', uid, namespace: 'default', name: 'job', processNumber: 7 },
  grant: { stream: 1, epoch: 3 },
  library: { name: 'library-0', driver: 'virtual' },
  drive: { name: 'drive-0', elementAddress: 256 },
  tape: { name: 'tape-0', barcode: 'TAPE-0', labelId: 'ab'.repeat(16) },
};

let api: MemoryApi;
let clock: ManualClock;
const stop = new AbortController();
beforeEach(() => {
  api = makeMemoryApi();
  clock = makeManualClock();
  api.seed(tapes, tape('tape-0', { state: 'InUse', holder: holder() }));
  api.seed(tapeLibraries, library({ drives: [{ name: 'drive-0', elementAddress: 256, holder: holder() }] }));
});

describe('checkHolder', () => {
  it('waits for an API that restarts', async () => {
    for (let n = 0; n < 4; n += 1) api.fail('get', { error: apiError('Unreachable') });
    const checked = checkHolder(api, order, stop.signal, clock);
    await clock.advance(20_000);
    await expect(checked).resolves.toBeUndefined();
  });

  it('gives up an API that stays away', async () => {
    for (let n = 0; n < 200; n += 1) api.fail('get', { error: apiError('Unreachable') });
    const checked = expect(checkHolder(api, order, stop.signal, clock)).rejects.toMatchObject({ reason: 'ApiError' });
    await clock.advance(90_000);
    await checked;
  });

  it('believes at once that somebody else holds the tape', async () => {
    api.seed(tapes, tape('tape-0', { state: 'InUse', holder: holder({ epoch: 4 }) }));
    const checked = checkHolder(api, order, stop.signal, clock);
    await expect(checked).rejects.toMatchObject({ reason: 'NotTheHolder' });
  });
});
