import { describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/api/generated/index.ts';
import { decidePatience, type Refusal, type Waiter } from '../../../../src/decide/allocation/patience.ts';

const nowMs = Date.UTC(2030, 0, 1);
const since = (number: number, minutes: number): Grant => ({
  ...{ number, epoch: 0, role: 'Active', state: 'Waiting' },
  startedAt: new Date(nowMs - minutes * 60_000).toISOString(),
});
const shortage = { reason: 'NoUsableDrive', message: 'short' } as const;
const busy: Refusal = { kind: 'wait', shortage, blockedBy: [] };
const never: Refusal = { kind: 'impossible', shortage };
const tenMinutes = { limitMs: 10 * 60_000 };

describe('decidePatience', () => {
  it.each<readonly [string, Partial<Waiter>, Refusal, readonly number[] | 'waits']>([
    ['waits without a limit', {}, busy, 'waits'],
    ['waits up to the limit', { waiting: [since(0, 10)], ...tenMinutes }, busy, 'waits'],
    ['gives up beyond it', { waiting: [since(0, 11)], ...tenMinutes }, busy, [0]],
    ['judges each stream by its own age', { waiting: [since(0, 1), since(1, 11)], ...tenMinutes }, busy, [1]],
    ['gives a first set up whole', { waiting: [since(0, 1), since(1, 11)], first: true, ...tenMinutes }, busy, [0, 1]],
    ['gives up what can never be', {}, never, [0, 1]],
    ['leaves it to who can choose again to end', { choosesAgain: true }, never, 'waits'],
    ['waits for what it lets go of itself', { letsGo: true }, never, 'waits'],
    ['gives up at once what is not to be waited for', { impatient: true, first: true }, busy, [0, 1]],
    ['waits for a replacement all the same', { impatient: true }, busy, 'waits'],
  ])('%s', (_name, changes, refusal, expected) => {
    const waiter = {
      waiting: [since(0, 60), since(1, 60)],
      first: false,
      impatient: false,
      choosesAgain: false,
      ...changes,
    };
    const found = decidePatience(waiter, refusal, nowMs);
    expect(found.kind === 'giveUp' ? found.streams : 'waits').toEqual(expected);
  });
});

it.each([
  ['what hardware lacks', shortage, 'short; waiting would not help: no such hardware is declared'],
  [
    'what the request itself lacks',
    { reason: 'SourceNotReachable', message: 'claim a/b has lost its volume' } as const,
    'claim a/b has lost its volume; waiting would not help',
  ],
])('what can never be is told as what it is: %s', (_name, lack, message) => {
  const waiter = { waiting: [since(0, 0)], first: true, impatient: false, choosesAgain: false };
  const found = decidePatience(waiter, { kind: 'impossible', shortage: lack }, nowMs);
  expect(found).toEqual({ kind: 'giveUp', streams: [0], message });
});

it('an impatient one is told who holds what it lacks', () => {
  const blockedBy = [{ kind: 'Drive', name: 'l/d', reason: 'Held', message: 'l/d is held by BackupJob a/b, stream 0' }];
  const waiter = { waiting: [], first: true, impatient: true, choosesAgain: false };
  expect(decidePatience(waiter, { kind: 'wait', shortage, blockedBy }, 0)).toEqual({
    kind: 'giveUp',
    streams: [],
    message: 'short: l/d is held by BackupJob a/b, stream 0',
  });
});
