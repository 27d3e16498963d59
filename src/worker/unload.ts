import type { UnloadOrder } from '../api/worker-order.ts';
import type { ChangerInventory } from '../devices/changer/changer.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { checkHolder } from './holder-check.ts';
import { checkHousekeeping } from './housekeeping-check.ts';
import { openChanger } from './open-drive.ts';
import type { RoleResult } from './termination.ts';
import { asWorkerFailure } from './thread-failure.ts';

/**
 * Puts the tape back into its slot, or any free one. A drive that somebody uses keeps its tape (`DriveLocked`): a late
 * unload of a stopped leader does no harm. A drive without the tape is success.
 */
export const runUnload = async (order: UnloadOrder, context: RoleContext): Promise<RoleResult> => {
  const folder = needFolder(context.folders, 'library');
  if (order.housekeeping === true) await checkHousekeeping(context.api, order, context.stop);
  else await checkHolder(context.api, order, context.stop);
  const { barcode } = order.tape;
  try {
    const changer = openChanger({ driver: order.library.driver, folder });
    const inventory = await changer.inventory(context.stop);
    const drive = inventory.drives.find(({ address }) => address === order.drive.elementAddress);
    if (drive?.barcode !== barcode) {
      const slot = inventory.slots.find((one) => one.barcode === barcode)?.address;
      return { message: `${barcode} is not in ${order.drive.name}.`, ...(slot !== undefined && { slot }) };
    }
    const slot = chooseSlot(inventory, [order.tape.slot, drive.sourceSlot]);
    if (slot === undefined) {
      const message = `${order.library.name} has no free slot for ${barcode}.`;
      throw new WorkerFailure({ reason: 'NoFreeSlot', fault: 'changer', message });
    }
    await changer.move(drive.address, slot, context.stop);
    return { message: `${barcode} lies in slot ${slot}.`, slot };
  } catch (error) {
    throw asWorkerFailure(error);
  }
};

/** The first wish that is free, else the first free slot that is no mail slot. */
const chooseSlot = ({ slots }: ChangerInventory, wishes: readonly (number | undefined)[]): number | undefined => {
  const free = slots.filter(({ barcode }) => barcode === undefined);
  const wished = wishes.find((wish) => free.some(({ address }) => address === wish));
  return wished ?? free.find(({ importExport }) => !importExport)?.address;
};
