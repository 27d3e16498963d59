import { describe, expect, it } from 'vitest';
import type { Applicant } from '../../../../src/decide/allocation/admission.ts';
import type { Hardware } from '../../../../src/decide/allocation/hardware.ts';
import { answersFor, passableMs } from '../../../../src/decide/allocation/queue.ts';
import { aLibrary, aNeed, aServer, aTape, holder, pair } from '../hardware-objects.ts';

const nowMs = 2 * passableMs;

const applicant = (name: string, more: Partial<Applicant> = {}): Applicant => ({
  ...{ kind: 'BackupJob', name: `default/${name}`, uid: `uid of ${name}`, priority: 0, createdAtMs: 0 },
  ...{ waitingSinceMs: nowMs, streams: [0], atLeast: 1, neighbours: [] },
  need: aNeed({ owner: `uid of ${name}` }),
  disjointness: { server: 'Preferred', library: 'Preferred', switch: 'Preferred' },
  ...more,
});

const told = (queue: readonly Applicant[], hardware: Hardware): readonly unknown[] =>
  answersFor(queue, hardware, nowMs).map((one) =>
    one.kind === 'grant' ? one.allotments.map(({ drive, tape }) => `${drive.library} ${tape.name}`) : one.kind,
  );

const old = { waitingSinceMs: 0 };
const both = { streams: [0, 1], atLeast: 2 };
const small = applicant('small');
const held = { state: 'InUse' as const, holder: holder('third') };
const oneHeld = pair({ libraries: [aLibrary('lib-0'), aLibrary('lib-1', [held])] });
const readsT1 = { ...old, need: aNeed({ owner: 'uid of big', tapes: { kind: 'tape', name: 't1' } }) };

describe('a request that has waited long', () => {
  it('is passed by a smaller one until it is old', () => {
    expect(told([applicant('big', both), small], oneHeld)).toEqual(['wait', ['lib-0 t0']]);
  });

  it('is not passed any more by one that wants the same hardware, which is told so', () => {
    const queue = [applicant('big', { ...both, ...old }), small];
    expect(told(queue, oneHeld)).toEqual(['wait', 'wait']);
    expect(answersFor(queue, oneHeld, nowMs)[1]).toMatchObject({
      shortage: { reason: 'HeldBack', message: expect.stringMatching(/BackupJob default\/big comes first/) as string },
      blockedBy: [{ kind: 'BackupJob', name: 'default/big', reason: 'WaitsLonger' }],
    });
  });

  it.each<readonly [string, Partial<Applicant>, Partial<Hardware>]>([
    ['a drive that is broken', both, { libraries: [aLibrary('lib-0'), aLibrary('lib-1', [{ state: 'NotUsable' }])] }],
    [
      'a library that is off',
      readsT1,
      {
        libraries: [
          aLibrary('lib-0'),
          { ...aLibrary('lib-1'), status: { ...aLibrary('lib-1').status, state: 'NotUsable' } },
        ],
      },
    ],
    ['a tape that is away', readsT1, { tapes: [aTape('t0', 'lib-0'), aTape('t1', 'lib-1', { state: 'Exported' })] }],
    [
      'a server that is down',
      { ...both, disjointness: { server: 'Required', library: 'Preferred', switch: 'Preferred' } },
      { servers: [aServer('server-0'), aServer('server-1', { state: 'NotUsable' })] },
    ],
  ])('holds nobody back where it waits for %s', (_name, wish, hardware) => {
    const queue = [applicant('big', { ...old, ...wish }), small];
    expect(told(queue, pair(hardware))).toEqual(['wait', ['lib-0 t0']]);
  });

  it('holds nobody back for what it holds itself', () => {
    const own = { state: 'InUse' as const, holder: holder('big') };
    const hardware = pair({ libraries: [aLibrary('lib-0'), aLibrary('lib-1', [own])] });
    expect(told([applicant('big', { ...both, ...old }), small], hardware)).toEqual(['wait', ['lib-0 t0']]);
  });

  it('keeps, beside the tape that it waits for, no more than what goes with that', () => {
    const hardware = pair({
      servers: [aServer('server-0'), aServer('server-1')],
      libraries: [aLibrary('lib-1', [{}, {}])],
      tapes: [aTape('t0', 'lib-1'), aTape('t1', 'lib-1', held), aTape('t2', 'lib-1')],
    });
    const queue = [applicant('big', readsT1), small];
    expect(told(queue, hardware)).toEqual(['wait', ['lib-1 t0']]);
    const taken = { ...hardware, libraries: [aLibrary('lib-1', [held, {}])] };
    expect(told(queue, taken)).toEqual(['wait', 'wait']);
  });

  it('goes first once it can be served', () => {
    expect(told([applicant('big', { ...both, ...old }), small], pair())).toEqual([['lib-0 t0', 'lib-1 t1']]);
  });

  it('holds back in turn whoever comes after the one that is held back', () => {
    const queue = [applicant('big', { ...both, ...old }), applicant('next', old), small];
    expect(told(queue, oneHeld)).toEqual(['wait', 'wait', 'wait']);
  });
});
