import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangerError, type Changer, type ChangerErrorCode } from '../../src/devices/changer/changer.ts';

/** A library with at least two drives, all empty, at least two cartridges in slots, and one empty slot. */
export interface ChangerBench {
  readonly changer: Changer;
  /** Prevents the removal of the cartridge of the drive with this element address. */
  lockDrive(address: number): { release(): void };
  dispose(): Promise<void>;
}

/** What every changer driver keeps. */
export function describeChanger(driver: string, makeBench: () => Promise<ChangerBench>): void {
  describe(`${driver} as a changer`, () => {
    let bench: ChangerBench;
    let changer: Changer;
    let drives: readonly [number, number];
    let full: readonly [{ address: number; barcode: string }, { address: number; barcode: string }];
    let empty: number;

    beforeEach(async () => {
      bench = await makeBench();
      changer = bench.changer;
      const seen = await changer.inventory();
      const [drive0, drive1] = seen.drives;
      const cartridges = seen.slots.flatMap(({ address, barcode }) =>
        barcode === undefined ? [] : [{ address, barcode }],
      );
      const [first, second] = cartridges;
      const free = seen.slots.find((slot) => slot.barcode === undefined && !slot.importExport);
      if (!drive0 || !drive1 || !first || !second || !free) throw new Error('the bench is too small');
      drives = [drive0.address, drive1.address];
      full = [first, second];
      empty = free.address;
    });
    afterEach(async () => {
      await changer.close();
      await bench.dispose();
    });

    const contentOf = async (address: number): Promise<string | undefined> => {
      const { drives: inDrives, slots } = await changer.inventory();
      return [...inDrives, ...slots].find((element) => element.address === address)?.barcode;
    };

    it('lists its elements by rising address', async () => {
      const { drives: seen, slots } = await changer.inventory();
      for (const list of [seen, slots]) {
        const addresses = list.map((element) => element.address);
        expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
      }
      expect(seen.every((drive) => drive.barcode === undefined)).toBe(true);
    });

    it('loads a cartridge, remembers where it came from, and puts it back', async () => {
      const [{ address, barcode }] = full;
      await changer.move(address, drives[0]);
      const drive = (await changer.inventory()).drives.find((each) => each.address === drives[0]);
      expect(drive).toEqual({ address: drives[0], barcode, sourceSlot: address });
      expect(await contentOf(address)).toBeUndefined();
      await changer.move(drives[0], address);
      expect(await contentOf(address)).toBe(barcode);
      expect(await contentOf(drives[0])).toBeUndefined();
    });

    it('moves between slots', async () => {
      await changer.move(full[0].address, empty);
      expect(await contentOf(empty)).toBe(full[0].barcode);
    });

    it('moves from a drive into another slot than it came from', async () => {
      await changer.move(full[0].address, drives[1]);
      await changer.move(drives[1], empty);
      expect(await contentOf(empty)).toBe(full[0].barcode);
    });

    it('says that the source is empty, and moves nothing', async () => {
      const before = await changer.inventory();
      expect(await changerCodeOf(changer.move(empty, drives[0]))).toBe('SourceEmpty');
      expect(await changer.inventory()).toEqual(before);
    });

    it('says that the destination is full, and moves nothing', async () => {
      await changer.move(full[0].address, drives[0]);
      const before = await changer.inventory();
      expect(await changerCodeOf(changer.move(full[1].address, drives[0]))).toBe('DestinationFull');
      expect(await changer.inventory()).toEqual(before);
    });

    it('says that there is no such element', async () => {
      expect(await changerCodeOf(changer.move(full[0].address, 65_000))).toBe('NoSuchElement');
    });

    it('leaves the cartridge of a locked drive alone until it is free', async () => {
      await changer.move(full[0].address, drives[0]);
      const lock = bench.lockDrive(drives[0]);
      expect(await changerCodeOf(changer.move(drives[0], empty))).toBe('DriveLocked');
      expect(await contentOf(drives[0])).toBe(full[0].barcode);
      lock.release();
      await changer.move(drives[0], empty);
      expect(await contentOf(empty)).toBe(full[0].barcode);
    });

    it('makes one motion after the other when several are asked at once', async () => {
      await Promise.all([changer.move(full[0].address, drives[0]), changer.move(full[1].address, drives[1])]);
      expect(await contentOf(drives[0])).toBe(full[0].barcode);
      expect(await contentOf(drives[1])).toBe(full[1].barcode);
    });

    it('gives one cartridge to only one of two that want it', async () => {
      const results = await Promise.all(drives.map((drive) => changerCodeOf(changer.move(full[0].address, drive))));
      expect(results.toSorted()).toEqual(['SourceEmpty', undefined]);
    });
  });
}

export async function changerCodeOf(motion: Promise<void>): Promise<ChangerErrorCode | undefined> {
  try {
    await motion;
    return undefined;
  } catch (error) {
    if (error instanceof ChangerError) return error.code;
    throw error;
  }
}
