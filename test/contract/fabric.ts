import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FabricError, type Fabric, type FabricErrorCode } from '../../src/devices/fabric/fabric.ts';

/** A fabric without zones, seen through two sessions of the same switch. */
export interface FabricBench {
  readonly fabric: Fabric;
  readonly another: Fabric;
  /** WWPNs that are logged in; at least three. */
  readonly wwpns: readonly string[];
  dispose(): Promise<void>;
}

/** What every fabric driver keeps. */
export function describeFabric(driver: string, makeBench: () => Promise<FabricBench>): void {
  describe(`${driver} as a fabric`, () => {
    const { signal } = new AbortController();
    let bench: FabricBench;
    let fabric: Fabric;
    let a: string;
    let b: string;
    let c: string;

    beforeEach(async () => {
      bench = await makeBench();
      fabric = bench.fabric;
      [a = '', b = '', c = ''] = bench.wwpns;
    });
    afterEach(() => bench.dispose());

    const zones = async (): Promise<Record<string, readonly string[]>> => {
      const state = await bench.another.read(signal);
      return Object.fromEntries(state.zones.map(({ name, members }) => [name, [...members].toSorted()]));
    };

    it('tells who is logged in, by WWPN in lower case and port', async () => {
      const { logins } = await fabric.read(signal);
      expect(logins.map(({ wwpn }) => wwpn)).toEqual(expect.arrayContaining([...bench.wwpns]));
      expect(logins.every(({ wwpn, port }) => wwpn === wwpn.toLowerCase() && port >= 0)).toBe(true);
    });

    it('makes a zone that others see', async () => {
      await fabric.ensureZone({ name: 'tw_1a2b3c4d_s1_e1', members: [a, b] }, signal);
      expect(await zones()).toEqual({ tw_1a2b3c4d_s1_e1: [a, b].toSorted() });
    });

    it('makes a zone once however often it is asked, whatever the order and case of its members', async () => {
      await fabric.ensureZone({ name: 'tw_z', members: [a, b] }, signal);
      await fabric.ensureZone({ name: 'tw_z', members: [b.toUpperCase(), a] }, signal);
      expect(await zones()).toEqual({ tw_z: [a, b].toSorted() });
    });

    it('gives a zone that has other members just those that are wanted', async () => {
      await fabric.ensureZone({ name: 'tw_z', members: [a, b] }, signal);
      await fabric.ensureZone({ name: 'tw_z', members: [a, c] }, signal);
      expect(await zones()).toEqual({ tw_z: [a, c].toSorted() });
    });

    it('removes a zone once however often it is asked, and no other', async () => {
      await fabric.ensureZone({ name: 'tw_1', members: [a, b] }, signal);
      await fabric.ensureZone({ name: 'tw_2', members: [a, c] }, signal);
      await fabric.removeZone('tw_1', signal);
      await fabric.removeZone('tw_1', signal);
      await fabric.removeZone('tw_never', signal);
      expect(await zones()).toEqual({ tw_2: [a, c].toSorted() });
    });

    it('loses no zone when two sessions change the zoning at once', async () => {
      const names = Array.from({ length: 8 }, (_, n) => `tw_${n}`);
      await Promise.all(
        names.map((name, n) =>
          settle(() => (n % 2 === 0 ? fabric : bench.another).ensureZone({ name, members: [a, b] }, signal)),
        ),
      );
      expect(Object.keys(await zones()).toSorted()).toEqual(names);
    });

    it.each(['', 'with space', 'x'.repeat(65), 'dash-ed'])('refuses the zone name %j', async (name) => {
      expect(await fabricCodeOf(fabric.ensureZone({ name, members: [a, b] }, signal))).toBe('BadName');
    });

    it('refuses members that are no WWPN', async () => {
      expect(await fabricCodeOf(fabric.ensureZone({ name: 'tw_z', members: ['drive-0'] }, signal))).toBe('BadName');
    });

    it('does nothing any more when it was told to stop', async () => {
      const stop = AbortSignal.abort();
      await expect(fabric.ensureZone({ name: 'tw_z', members: [a, b] }, stop)).rejects.toThrow();
      expect(await zones()).toEqual({});
    });

    /** As a caller does it: a locked fabric is tried again. */
    async function settle(act: () => Promise<void>): Promise<void> {
      while ((await fabricCodeOf(act())) === 'Locked');
    }
  });
}

export async function fabricCodeOf(call: Promise<unknown>): Promise<FabricErrorCode | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof FabricError) return error.code;
    throw error;
  }
}
