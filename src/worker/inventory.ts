import type { Inventory } from '../api/generated/shared.ts';
import { savePages } from '../api/resources.ts';
import type { InventoryOrder } from '../api/worker-order.ts';
import { openVirtualLibrary } from '../devices/changer/virtual-library.ts';
import { VirtualTape } from '../devices/drive/virtual-tape.ts';
import { isApiError } from '../kube/api.ts';
import { realClock } from '../kube/clock.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { apiFailure, withPatience } from './head.ts';
import { openChanger } from './open-drive.ts';
import type { RoleResult } from './termination.ts';
import { asWorkerFailure } from './thread-failure.ts';

const patienceMs = 30_000;

/** Tells the operator what lies where, in a page that the order names. */
export const runInventory = async (order: InventoryOrder, context: RoleContext): Promise<RoleResult> => {
  const inventory = await readInventory(order, needFolder(context.folders, 'library'), context.stop);
  await fillPage(order, inventory, context).catch((error: unknown) => {
    throw isApiError(error) ? apiFailure(`page ${order.page}`, error) : error;
  });
  const tapes = [...(inventory.drives ?? []), ...(inventory.slots ?? [])].filter(
    ({ barcode }) => barcode !== undefined,
  );
  const message = `${order.library.name}: ${inventory.drives?.length ?? 0} drives, ${inventory.slots?.length ?? 0} slots, ${tapes.length} tapes.`;
  return { message };
};

const readInventory = async (order: InventoryOrder, folder: string, signal: AbortSignal): Promise<Inventory> => {
  try {
    const { driver } = order.library;
    const changer = openChanger({ driver, folder });
    const { drives, slots } = await changer.inventory(signal);
    await changer.close();
    const known = factsOfTapes(order, folder);
    return {
      takenAt: new Date().toISOString(),
      complete: true,
      drives: drives.map(({ address, barcode, sourceSlot }) => ({
        address,
        loaded: barcode !== undefined,
        ...(barcode !== undefined && { barcode }),
        ...(sourceSlot !== undefined && { homeSlot: sourceSlot }),
      })),
      slots: slots.map(({ address, barcode, importExport }) => ({
        address,
        importExport,
        full: barcode !== undefined,
        ...(barcode !== undefined && { barcode, ...known(barcode) }),
      })),
    };
  } catch (error) {
    throw asWorkerFailure(error);
  }
};

/** What can be known of a tape in a slot without loading it: only a virtual library tells. */
const factsOfTapes = ({ library }: InventoryOrder, folder: string) => {
  const all = library.driver === 'virtual' ? openVirtualLibrary(folder).listTapes() : [];
  const byBarcode = new Map(all.map((tape) => [tape.barcode, tape]));
  return (barcode: string) => {
    const tape = byBarcode.get(barcode);
    if (tape === undefined) return {};
    const { capacityBytes, writeProtected } = tape;
    const usedBytes = usedBytesOf(tape.folder);
    return { capacityBytes, writeProtected, ...(usedBytes !== undefined && { usedBytes }) };
  };
};

/** Undefined where its files are damaged: a load says how. */
const usedBytesOf = (folder: string): number | undefined => {
  try {
    const tape = VirtualTape.open(folder, 'read');
    const { usedBytes } = tape;
    tape.close();
    return usedBytes;
  } catch {
    return undefined;
  }
};

/** The operator has made the page: a worker may open none for an inventory, which it could then put in another's place. */
const fillPage = async (order: InventoryOrder, inventory: Inventory, { api, stop }: RoleContext): Promise<void> => {
  const ref = { namespace: order.operatorNamespace, name: order.page };
  await withPatience(realClock, patienceMs, stop, async () => {
    const { metadata } = await api.get(savePages, ref, stop);
    const body = { metadata: { resourceVersion: metadata.resourceVersion }, status: { inventory } };
    await api.patch(savePages, ref, body, { type: 'merge', subresource: 'status' }, stop);
  });
};
