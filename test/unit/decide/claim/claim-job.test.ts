import { describe, expect, it } from 'vitest';
import { anchorName } from '../../../../src/api/names.ts';
import type { ClaimView } from '../../../../src/decide/claim/anchors.ts';
import type { AnchorFacts, AnchorState } from '../../../../src/decide/claim/claims.ts';
import { aGrant, decide, stepsOf, streamPod, uid } from '../job-objects.ts';

const anchor = (number: number, state: AnchorState): AnchorFacts => {
  const node = `node-${String(number)}`;
  return { name: anchorName(uid, node), uid: node, node, state, deleting: false, ageMs: 0, why: 'Evicted' };
};
const claim = (...anchors: readonly AnchorFacts[]): ClaimView => ({
  what: 'claim shop/data',
  anchors,
  startMs: 60_000,
});
const plan = { segments: 0, complete: false, pod: undefined };
const ready = [aGrant(0, 'Ready'), aGrant(1, 'Ready')];
const hook = {
  podSelector: { matchLabels: { app: 'db' } },
  command: ['true'],
  timeout: '60s',
  onError: 'Fail' as const,
};

describe('a job on a claim', () => {
  it('has the claim mounted while tapes are loaded', () => {
    expect(stepsOf(decide({ streams: [aGrant(0, 'Reserved')], claim: claim(), plan }), 'ensureAnchor')).not.toBe('');
  });

  it('reads nothing, and puts no application to sleep, before it is mounted', () => {
    const early = decide({ streams: ready, claim: claim(anchor(0, 'ready'), anchor(1, 'starting')), plan });
    expect(stepsOf(early)).toBe('');
    const hooks = { before: [hook], after: [] };
    const asleep = decide({ streams: ready, claim: claim(anchor(0, 'starting')), plan, job: { hooks } });
    expect(stepsOf(asleep, 'runHook', 'launchPlan')).toBe('');
    const mounted = decide({ streams: ready, claim: claim(anchor(0, 'ready'), anchor(1, 'ready')), plan });
    expect(stepsOf(mounted, 'launchPlan', 'launchBackup')).toContain('launchPlan');
  });

  it('starts a replacement only where the claim is mounted', () => {
    const streams = [aGrant(0, 'Running'), aGrant(1, 'Ready')];
    const scene = { streams, pods: [streamPod(0)], committed: new Map() };
    const waits = decide({ ...scene, claim: claim(anchor(0, 'ready'), anchor(1, 'starting')) });
    expect(stepsOf(waits, 'launchBackup')).toBe('');
    const goes = decide({ ...scene, claim: claim(anchor(0, 'ready'), anchor(1, 'ready')) });
    expect(stepsOf(goes, 'launchBackup')).toBe('launchBackup 1');
  });

  it('loses the route whose node can not mount it, says why, and goes on with the other', () => {
    const { status, steps } = decide({ streams: ready, claim: claim(anchor(0, 'ended'), anchor(1, 'ready')), plan });
    expect(status.ending).toBeUndefined();
    expect(status.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Ready']);
    expect(status.streams?.[0]).toMatchObject({ reason: 'SourceNotReachable', lostEpoch: 1 });
    expect(status.streams?.[0]?.message).toContain('claim shop/data could not be mounted on node node-0');
    expect(status.avoid?.servers).toEqual([ready[0]?.server]);
    expect(steps.map(({ kind }) => kind)).toContain('sealHead');
  });

  it('fails with that reason when no route is left', () => {
    const message = 'claim shop/data could not be mounted on node node-0';
    const lost = { reason: 'SourceNotReachable', message, outcome: 'Failed', lostEpoch: 1 } as const;
    const streams = [aGrant(0, 'Failed', lost), aGrant(1, 'Failed', lost)];
    const { status } = decide({ streams, claim: claim(), plan, committed: new Map() });
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'SourceNotReachable' });
    expect(status.ending?.message).toContain(message);
  });

  it('lets go of the claim where nothing is held any more', () => {
    const ending = { result: 'Cancelled', reason: 'Cancelled', message: '' } as const;
    const over = decide({ streams: [aGrant(0, 'Released')], status: { ending }, claim: claim(anchor(0, 'ready')) });
    expect(stepsOf(over)).toBe('dropAnchor, finishRecords');
  });
});
