import { describe, expect, it } from 'vitest';
import { decideRestore } from '../../../src/decide/restore.ts';
import { nowMs } from './job-objects.ts';
import { aRestoreGrant, grantsText, seenRestore } from './restore-objects.ts';

describe('F5: a restore loses its grant', () => {
  it('when the library is deleted before its worker begins', () => {
    const { view, ...seen } = seenRestore({ streams: [aRestoreGrant(1, 'Ready')] });
    const gone = () => ({ reason: 'LibraryMissing', message: 'gone', domain: 'changer' as const, lostBytes: 0 });
    const decision = decideRestore({ ...seen, view: { ...view, gone } }, nowMs);
    expect(grantsText(decision)).toBe('1 Failed | 1 Fencing');
    expect(decision.status.avoid).toEqual({ libraries: ['lib-0'] });
  });
});
