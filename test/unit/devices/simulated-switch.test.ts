import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedSwitch } from '../../../src/devices/fabric/simulated-switch.ts';
import { describeFabric, fabricCodeOf } from '../../contract/fabric.ts';

const wwpns = ['10:00:00:00:00:00:00:01', '50:00:00:00:00:00:00:01', '50:00:00:00:00:00:00:02'] as const;
const { signal } = new AbortController();

const makeSwitch = (folder: string, name = 'switch-0', patienceMs?: number): SimulatedSwitch =>
  new SimulatedSwitch({
    folder,
    fabric: 'fabric-0',
    name,
    ports: wwpns.map((wwpn, index) => ({ index, wwpn })),
    links: [{ to: 'switch-1', fromPort: 7 }],
    ...(patienceMs !== undefined && { patienceMs }),
  });

const makeFolder = (): string => mkdtempSync(join(tmpdir(), 'twinreel-fabric-'));

describeFabric('The simulated switch', async () => {
  const folder = makeFolder();
  return {
    fabric: makeSwitch(folder),
    another: makeSwitch(folder),
    wwpns,
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});

describe('a simulated switch with faults', () => {
  let folder: string;
  let fabric: SimulatedSwitch;
  const zone = { name: 'tw_z', members: [wwpns[0], wwpns[1]] };
  const set = (...faults: readonly object[]): void =>
    writeFileSync(join(folder, 'fabric-0.faults.yaml'), JSON.stringify(faults));
  const zoneNames = async (): Promise<string[]> =>
    (await makeSwitch(folder).read(signal)).zones.map(({ name }) => name);

  beforeEach(() => {
    folder = makeFolder();
    fabric = makeSwitch(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('refuses a write while somebody else has a zoning session, and says that trying again helps', async () => {
    set({ kind: 'locked', times: 2 });
    await expect(fabric.ensureZone(zone, signal)).rejects.toMatchObject({ code: 'Locked', retryable: true });
    expect(await fabricCodeOf(fabric.ensureZone(zone, signal))).toBe('Locked');
    await fabric.ensureZone(zone, signal);
    expect(await zoneNames()).toEqual(['tw_z']);
  });

  it('finds by reading back that a write was lost', async () => {
    set({ kind: 'writeLost' });
    expect(await fabricCodeOf(fabric.ensureZone(zone, signal))).toBe('NotAsWritten');
    await fabric.ensureZone(zone, signal);
    expect(await zoneNames()).toEqual(['tw_z']);
  });

  it.each([true, false])(
    'says that it does not know the outcome when the answer is lost (applied: %s)',
    async (applied) => {
      set({ kind: 'outcomeUnknown', applied });
      await expect(fabric.ensureZone(zone, signal)).rejects.toMatchObject({ outcomeUnknown: true, retryable: true });
      expect(await zoneNames()).toEqual(applied ? ['tw_z'] : []);
      await fabric.ensureZone(zone, signal);
      expect(await zoneNames()).toEqual(['tw_z']);
    },
  );

  it('answers nothing while it can not be reached', async () => {
    set({ kind: 'unreachable', switch: 'switch-0' });
    expect(await fabricCodeOf(fabric.read(signal))).toBe('Unreachable');
    expect(await fabricCodeOf(fabric.removeZone('tw_z', signal))).toBe('Unreachable');
    expect(await fabricCodeOf(makeSwitch(folder, 'switch-1').read(signal))).toBeUndefined();
    set();
    expect(await fabricCodeOf(fabric.read(signal))).toBeUndefined();
  });

  it('shows no login and no link at a port that is down', async () => {
    set({ kind: 'portDown', port: 1 }, { kind: 'portDown', port: 7 });
    const state = await fabric.read(signal);
    expect(state.logins.map(({ port }) => port)).toEqual([0, 2]);
    expect(state.links).toEqual([{ to: 'switch-1', fromPort: 7, up: false }]);
  });

  it('notes a file of faults that it can not understand, and goes on without', async () => {
    writeFileSync(join(folder, 'fabric-0.faults.yaml'), '- kind: explode');
    await fabric.ensureZone(zone, signal);
    expect(readFileSync(join(folder, 'fabric-0.faults.fired.json'), 'utf8')).toContain('kind must be one of');
  });

  it('shares its zones with the other switches of its fabric, and they outlive it', async () => {
    await fabric.ensureZone(zone, signal);
    const { zones } = await makeSwitch(folder, 'switch-1').read(signal);
    expect(zones).toEqual([{ name: 'tw_z', members: [...zone.members] }]);
  });
});
