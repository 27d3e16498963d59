import { describe, expect, it } from 'vitest';
import {
  actionPodName,
  grantOfName,
  pageName,
  planPodName,
  planRecordName,
  streamPodName,
  streamRecordName,
  uid32,
  uid8,
  zoneName,
  zonePrefix,
} from '../../../src/api/names.ts';

const uid = '1A2b3c4d-5e6f-4a5b-8c7d-9e0f1a2b3c4d';

describe('names', () => {
  it('of pods, records and pages bear the job and the grant', () => {
    expect(streamPodName(uid, 1, 3)).toBe('tw-1a2b3c4d-s1-e3');
    expect(actionPodName(uid, 1, 3, 'load')).toBe('tw-1a2b3c4d-s1-e3-load');
    expect(actionPodName(uid, 1, 3, 'unload', 2)).toBe('tw-1a2b3c4d-s1-e3-unload-2');
    expect(planPodName(uid, 1)).toBe('tw-1a2b3c4d-plan-e1');
    expect(streamRecordName(uid, 17, 0)).toBe('1a2b3c4d-n17-s0');
    expect(planRecordName(uid, 17)).toBe('1a2b3c4d-n17-plan');
    expect(pageName(streamRecordName(uid, 17, 0), 2)).toBe('1a2b3c4d-n17-s0-p2');
  });

  it('of zones are such as every switch takes', () => {
    const name = zoneName(uid, 15, Number.MAX_SAFE_INTEGER, 99);
    expect(name).toMatch(/^[A-Za-z0-9_]{1,64}$/);
    expect(name.startsWith(zonePrefix(uid))).toBe(true);
  });

  it('of pods and zones tell the grant', () => {
    const grant = { uid8: uid8(uid), stream: 1, epoch: 3 };
    expect(grantOfName(streamPodName(uid, 1, 3))).toEqual(grant);
    expect(grantOfName(actionPodName(uid, 1, 3, 'load', 1))).toEqual(grant);
    expect(grantOfName(zoneName(uid, 1, 3, 0))).toEqual(grant);
    expect(grantOfName(planPodName(uid, 3))).toBeUndefined();
    expect(grantOfName('tw-1a2b3c4d-s1-e3x')).toBeUndefined();
  });

  it('of uids are lower-case hex', () => {
    expect(uid8(uid)).toBe('1a2b3c4d');
    expect(uid32(uid)).toBe('1a2b3c4d5e6f4a5b8c7d9e0f1a2b3c4d');
  });
});
