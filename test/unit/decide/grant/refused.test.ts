import { describe, expect, it } from 'vitest';
import { admitted, refusalFault, withRefused } from '../../../../src/decide/grant/refused.ts';
import { aGrant, aPod } from '../job-objects.ts';

const startMs = 60_000;
const atMs = Date.UTC(2030, 0, 1);
const at = (ms: number): string => new Date(atMs + ms).toISOString();
const found = { pod: 'tw-load', reason: 'PodRefused', message: 'exceeded quota: 9 of 9' };
const refused = withRefused(aGrant(0, 'Preparing'), found, at(0));

describe('a pod that is refused', () => {
  it('is noted once, whatever the next attempts say', () => {
    expect(refused.refused).toEqual({ ...found, since: at(0) });
    expect(withRefused(refused, { ...found, message: 'exceeded quota: 10 of 10' }, at(5))).toBe(refused);
  });

  it('is waited for no longer where another one is refused in between', () => {
    const other = withRefused(refused, { ...found, pod: 'tw-anchor' }, at(startMs));
    expect(other.refused).toMatchObject({ pod: 'tw-anchor', since: at(0) });
  });

  it('is the server’s fault after a while, and nothing before', () => {
    expect(refusalFault(refused, 'tw-load', startMs, atMs + startMs)).toBeUndefined();
    expect(refusalFault(refused, 'tw-load', startMs, atMs + startMs + 1)).toEqual({
      ...{ reason: 'PodRefused', message: found.message, domain: 'server', lostBytes: 0 },
    });
    expect(refusalFault(refused, 'tw-unload', startMs, atMs + startMs + 1)).toBeUndefined();
  });

  it('is forgotten once it is there', () => {
    const pods = new Map([['tw-load', aPod('tw-load')]]);
    expect(admitted({ view: { pods } })(refused)).toEqual(aGrant(0, 'Preparing'));
    expect(admitted({ view: { pods: new Map() } })(refused)).toBe(refused);
  });
});
