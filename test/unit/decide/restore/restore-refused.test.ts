import { describe, expect, it } from 'vitest';
import { refusalFault } from '../../../../src/decide/grant/refused.ts';
import { decideRestore } from '../../../../src/decide/restore/restore.ts';
import type { SeenRestore } from '../../../../src/decide/restore/restore-view.ts';
import { now, nowMs } from '../job-objects.ts';
import { aRestoreGrant, decideOn, grantsText, restoreHead, seenRestore, stepsText } from '../restore-objects.ts';

type Refused = NonNullable<SeenRestore['view']['refused']>;

const refusedAt =
  (ms: number): Refused =>
  (held, pod) =>
    refusalFault(held, pod, 60_000, ms);

describe('a worker of a restore that is refused', () => {
  const { podStarted: _p, bootID: _b, ...fresh } = aRestoreGrant(1, 'Running');
  const refused = { pod: 'tw-1a2b3c4d-s0-e1', reason: 'PodRefused', message: 'exceeded quota', since: now };
  const scene = { streams: [{ ...fresh, refused }], head: restoreHead(1, { activity: 'Starting' }) };
  const seen = seenRestore(scene);

  it('is asked for again, and the status stays as it is', () => {
    const again = decideRestore(seen, nowMs);
    expect(stepsText(again)).toBe('openHead 1, launchRestore 1');
    expect(again.status.streams).toEqual(scene.streams);
    const next = decideRestore({ ...seen, status: again.status }, nowMs);
    expect(next.status).toEqual(again.status);
  });

  it('loses the route after a while, and nobody waits for the proof that it is gone', () => {
    const late = { ...seen.view, refused: refusedAt(nowMs + seen.patience.startMs + 1) };
    const lost = decideRestore({ ...seen, view: late }, nowMs);
    expect(grantsText(lost)).toBe('1 Failed | 1 Fencing');
    const ready = aRestoreGrant(2, 'Ready');
    const next = decideOn({ streams: [ready], retired: lost.status.retired ?? [] });
    expect(stepsText(next)).toContain('launchRestore 2');
  });
});
