/** Simulated workers that move the robot: inventory, load, unload. */
import { savePages, tapeLibraries } from '../../src/api/resources.ts';
import type { InventoryOrder, LoadOrder, UnloadOrder } from '../../src/api/worker-order.ts';
import type { Container, Program } from './container.ts';
import type { RealLibrary } from './hardware.ts';
import { checkHolder, failure, online, succeeded, tapeFacts, type WorkerContext } from './worker-context.ts';

const libraryOf = (context: WorkerContext, name: string): RealLibrary => {
  const found = context.hardware.libraries.get(name);
  if (found === undefined) throw new RangeError(`no library ${name}`);
  return found;
};

export function* runInventory(context: WorkerContext, container: Container, order: InventoryOrder): Program {
  const library = libraryOf(context, order.library.name);
  yield 1_000;
  yield* online(context, container);
  const drives = library.drives.map(({ address, loaded, lock }) => ({
    address,
    loaded: loaded !== undefined,
    ...(lock === undefined ? {} : { locked: true }),
    ...(loaded === undefined ? {} : { barcode: loaded.barcode }),
  }));
  const slots = [...library.slots].map(([address, tape]) => ({
    address,
    full: tape !== undefined,
    importExport: false,
    ...(tape === undefined ? {} : { barcode: tape.barcode }),
  }));
  yield 500;
  yield* online(context, container);
  const ref = { namespace: order.operatorNamespace, name: order.page };
  const inventory = { takenAt: context.timeline.iso(), complete: true, drives, slots };
  if (context.api.find(savePages, ref) === undefined) throw failure(order, 'ApiError', 'api', 31);
  context.api.patch(savePages, ref, { status: { inventory } }, { type: 'merge', subresource: 'status' });
  return succeeded(order);
}

export function* runLoad(context: WorkerContext, container: Container, order: LoadOrder): Program {
  yield* checkHolder(context, container, order);
  const library = libraryOf(context, order.library.name);
  const drive = context.hardware.drive(order.library.name, order.drive.name);
  // The robot is on its way: who has got so far moves the tape.
  yield context.random.int(8_000);
  if (context.strikes(0.03)) throw failure(order, 'MoveFailed', 'changer', 23);
  const { barcode } = order.tape;
  if (drive.loaded?.barcode !== barcode) {
    if (drive.loaded !== undefined || drive.lock !== undefined) throw failure(order, 'DriveFull', 'changer', 23);
    const slot = context.hardware.slotOf(library, barcode);
    if (slot === undefined) throw failure(order, 'TapeNotInSlot', 'changer', 23);
    drive.loaded = context.hardware.tape(barcode);
    library.slots.set(slot, undefined);
  }
  yield 2_000;
  if (drive.loaded?.barcode !== barcode) throw failure(order, 'DriveNotReady', 'drive', 20);
  if (context.strikes(0.03)) throw failure(order, 'DriveNotReady', 'drive', 20);
  const tape = drive.loaded;
  if (tape.labelId === undefined) {
    if (order.tape.labelId !== undefined) throw failure(order, 'TapeLabelMismatch', 'tape', 21);
    tape.labelId = order.newLabelId;
  } else if (order.tape.labelId !== undefined && order.tape.labelId !== tape.labelId) {
    throw failure(order, 'TapeLabelMismatch', 'tape', 21);
  }
  return succeeded(order, { tape: tapeFacts(tape) });
}

export function* runUnload(context: WorkerContext, container: Container, order: UnloadOrder): Program {
  if (order.housekeeping === true) yield* checkHousekeeping(context, container, order);
  else yield* checkHolder(context, container, order);
  const library = libraryOf(context, order.library.name);
  const drive = context.hardware.drive(order.library.name, order.drive.name);
  yield context.random.int(4_000);
  const { barcode } = order.tape;
  const lies = (): { readonly slot?: number } => {
    const slot = context.hardware.slotOf(library, barcode);
    return slot === undefined ? {} : { slot };
  };
  if (drive.loaded?.barcode !== barcode) return succeeded(order, lies());
  if (drive.lock !== undefined) throw failure(order, 'DriveLocked', 'drive', 20);
  if (context.strikes(0.05)) throw failure(order, 'MoveFailed', 'changer', 23);
  const free = [...library.slots].find(([, tape]) => tape === undefined);
  if (free === undefined) throw failure(order, 'NoFreeSlot', 'changer', 23);
  library.slots.set(free[0], drive.loaded);
  drive.loaded = undefined;
  yield 1_000;
  return succeeded(order, lies());
}

function* checkHousekeeping(context: WorkerContext, container: Container, order: UnloadOrder): Generator<number, void> {
  yield* online(context, container);
  const status = context.api.find(tapeLibraries, { name: order.library.name })?.status;
  const holder = status?.drives?.find(({ name }) => name === order.drive.name)?.holder;
  if (status?.changerHolder?.pod !== order.pod || holder !== undefined) {
    throw failure(order, 'NotTheHolder', 'order', 2);
  }
}
