import { describe, expect, it } from 'vitest';
import { decideRestore } from '../../../../src/decide/restore/restore.ts';
import { anchorName } from '../../../../src/api/names.ts';
import type { AnchorFacts } from '../../../../src/decide/claim/claims.ts';
import { nowMs, uid } from '../job-objects.ts';
import {
  aChoice,
  aRestoreGrant,
  decideOn,
  grantsText,
  restoreHead,
  seenRestore,
  workerPod,
} from '../restore-objects.ts';

describe('F5: a restore loses its grant', () => {
  describe('whose node can not mount the target', () => {
    const anchor = (state: 'ended' | 'starting'): AnchorFacts => ({
      ...{ name: anchorName(uid, 'node-0', ''), uid: 'a', node: 'node-0', claim: 'data', state, deleting: false },
      ...{ ageMs: 61_000, why: 'FailedMount' },
    });
    const claim = (state: 'ended' | 'starting') => ({
      ...{ what: 'claim shop/data', anchors: [anchor(state)], startMs: 60_000 },
    });
    const fails = (state: 'Reserved' | 'Ready' | 'Running', why: 'ended' | 'starting' = 'ended') =>
      decideOn({ streams: [aRestoreGrant(1, state)], claim: claim(why), pods: [workerPod(1)], head: restoreHead(1) });

    it.each(['Reserved', 'Ready'] as const)('while it is %s, and another server is tried', (state) => {
      const { status, steps } = fails(state);
      expect(status.ending).toBeUndefined();
      expect(status.avoid).toEqual({ servers: ['server-0'], nodes: ['node-0'] });
      expect(status.retired).toMatchObject([{ epoch: 1, reason: 'TargetNotReachable' }]);
      expect(steps.map(({ kind }) => kind)).toContain('sealHead');
    });

    it('and fails with that reason where no other server is left', () => {
      const { status } = fails('Ready');
      const never = { kind: 'never', shortage: { reason: 'NoUsableServer', message: 'none' } } as const;
      const { streams = [], retired = [] } = status;
      const next = decideOn({ status, streams, retired, choice: aChoice({ outlook: () => never }) });
      expect(next.status.ending).toMatchObject({ result: 'Failed', reason: 'TargetNotReachable' });
      expect(next.status.ending?.message).toContain('claim shop/data could not be mounted on node node-0');
    });

    it('but not while its worker has it mounted', () => {
      expect(fails('Running', 'starting').status).toMatchObject({ streams: [{ state: 'Running' }], retired: [] });
    });
  });

  it('when the library is deleted before its worker begins', () => {
    const { view, ...seen } = seenRestore({ streams: [aRestoreGrant(1, 'Ready')] });
    const gone = () => ({ reason: 'LibraryMissing', message: 'gone', domain: 'changer' as const, lostBytes: 0 });
    const decision = decideRestore({ ...seen, view: { ...view, gone } }, nowMs);
    expect(grantsText(decision)).toBe('1 Failed | 1 Fencing');
    expect(decision.status.avoid).toEqual({ libraries: ['lib-0'] });
  });
});
