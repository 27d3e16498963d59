import { describe, expect, it } from 'vitest';
import type { Reservations } from '../../../../src/decide/restore/restore-view.ts';
import { finaliseRestore, summariseRestore } from '../../../../src/decide/restore/restore-status.ts';
import { aRestoreGrant, decideOn, type RestoreScene } from '../restore-objects.ts';

const readArea = { library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Done' as const };
const over: RestoreScene = { streams: [aRestoreGrant(1, 'Succeeded')], status: { areas: [readArea], currentArea: 0 } };
const endedWith = (reservations: Reservations, more: Partial<RestoreScene['report']> = {}) =>
  decideOn({ ...over, report: { done: [{ first: 0, last: 3 }], finished: true, reservations, ...more } }).status;

describe('a restore whose files all came back', () => {
  it.each<readonly [string, Reservations, string]>([
    ['and nothing else to say', {}, 'everything asked for was brought back and its digests agree'],
    [
      'without their owners',
      {
        attributesFailed: 4000,
        examples: [{ path: 'etc/passwd', reason: 'AttributeFailed', message: 'owner: EPERM' }],
      },
      '4000 attributes could not be set (such as etc/passwd: owner: EPERM); everything asked for was brought back and its digests agree',
    ],
    [
      'one of them with zeros that were no part of it',
      { damaged: 1, examples: [{ path: 'db', reason: 'Damaged', message: 'padded' }] },
      '1 file padded, cut or changed when backed up (such as db: padded); everything asked for was brought back and its digests agree',
    ],
    [
      'but those that were there',
      { linksNotJoined: 2, kept: 3, examples: [{ path: 'a', reason: 'Kept' }] },
      '2 names not joined by a hard link, 3 paths already there and left by spec.conflict (such as a); everything else that was asked for was brought back and its digests agree',
    ],
  ])('succeeds %s, and says so', (_name, reservations, message) => {
    expect(endedWith(reservations).ending).toEqual({ result: 'Succeeded', reason: 'Restored', message });
  });

  it('fails and says so where others did not', () => {
    const { ending } = endedWith({ attributesFailed: 1 }, { failureCount: 1 });
    expect(ending).toMatchObject({ result: 'Failed', reason: 'FilesFailed' });
    expect(ending?.message).toMatch(/^1 attribute could not be set; 1 files could not be brought back/);
  });
});

it('what is not as it was stands in the status of a restore, and in its condition', () => {
  const examples = [{ path: 'etc/passwd', reason: 'AttributeFailed' as const, message: 'owner: EPERM' }];
  const restore = { attributesFailed: 4000, damaged: 0, kept: 0, linksNotJoined: 0, examples };
  const job = { kind: 'Restore' as const, namespace: 'team', name: 'back', uid: '1a2b3c4d', processNumber: 1 };
  const head = { metadata: { name: 'head' }, spec: { type: 'Restore' as const, job, stream: 0 }, status: { restore } };
  const told = summariseRestore(endedWith({ attributesFailed: 4000, examples }), head);
  expect(told).toMatchObject({ attributesFailed: 4000, examples });
  expect(told).not.toHaveProperty('damaged');
  const [complete] = finaliseRestore(told, 1, '2026-01-02T03:04:05Z').conditions ?? [];
  expect(complete).toMatchObject({ type: 'Complete', status: 'True', reason: 'Restored' });
  expect(complete?.message).toContain('4000 attributes could not be set (such as etc/passwd: owner: EPERM)');
});
