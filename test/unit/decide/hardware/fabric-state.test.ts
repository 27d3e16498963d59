import { describe, expect, it } from 'vitest';
import { decideSwitch } from '../../../../src/decide/hardware/fabric-state.ts';
import { fcSwitch, holder } from '../../../support/hardware-objects.ts';

const now = '2030-01-01T00:00:00.000Z';
const fabric = {
  logins: [
    { wwpn: '50:01', port: 8 },
    { wwpn: '10:00', port: 2 },
  ],
  links: [{ to: 'switch-1', fromPort: 0, up: true }],
  zones: [
    { name: 'theirs', members: ['a'] },
    { name: 'tw_1a2b3c4d_s1_e3_0', members: ['b', 'a'] },
  ],
};

describe('decideSwitch', () => {
  it('mirrors logins, links and those zones that are ours, in a fixed order', () => {
    expect(decideSwitch(fcSwitch({ state: 'Unknown' }), { kind: 'read', fabric }, now)).toMatchObject({
      state: 'Usable',
      logins: [
        { wwpn: '10:00', port: 2, since: now },
        { wwpn: '50:01', port: 8, since: now },
      ],
      links: [{ to: 'switch-1', fromPort: 0, up: true }],
      zones: [{ name: 'tw_1a2b3c4d_s1_e3_0', members: ['a', 'b'] }],
      lastSeen: now,
    });
  });

  it('writes nothing new while the fabric stays the same', () => {
    const settled = decideSwitch(fcSwitch({ state: 'Unknown' }), { kind: 'read', fabric }, now);
    expect(decideSwitch(fcSwitch(settled), { kind: 'read', fabric }, '2030-02-01T00:00:00.000Z')).toEqual(settled);
  });

  it('says why a switch cannot be used, and keeps its holders', () => {
    const answer = { kind: 'failed', reason: 'FabricUnreachable', message: 'no route' } as const;
    const status = decideSwitch(fcSwitch({ state: 'InUse', holders: [holder()] }), answer, now);
    expect(status).toMatchObject({ state: 'NotUsable', reason: 'FabricUnreachable', holders: [holder()] });
  });

  it('is InUse while somebody holds it', () => {
    const status = decideSwitch(fcSwitch({ state: 'NotUsable', holders: [holder()] }), { kind: 'read', fabric }, now);
    expect(status).toMatchObject({ state: 'InUse', reason: '', holders: [holder()] });
  });
});
