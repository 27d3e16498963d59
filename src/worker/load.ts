import type { LoadOrder, TapeFacts } from '../api/worker-order.ts';
import type { Changer } from '../devices/changer/changer.ts';
import type { TapeDrive } from '../devices/drive/drive.ts';
import { closedGroups, findEndOfData } from '../tape/end-of-data.ts';
import { labelTape } from '../tape/label-tape.ts';
import { readTapeLabel, type OurLabel, type TapeLabel } from '../tape/read-label.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { checkHolder } from './holder-check.ts';
import { openChanger, openDrive } from './open-drive.ts';
import { checkRecordedGroups } from './recorded-groups.ts';
import type { RoleResult } from './termination.ts';
import { asWorkerFailure } from './thread-failure.ts';

/** Brings the tape into the drive and reads its label; a blank tape is labelled where the order gives an id for it. */
export const runLoad = async (order: LoadOrder, context: RoleContext): Promise<RoleResult> => {
  const folder = needFolder(context.folders, 'library');
  await checkHolder(context.api, order, context.stop);
  try {
    const { driver } = order.library;
    await moveIntoDrive(openChanger({ driver, folder }), order, context.stop);
    const drive = openDrive({ driver, folder, elementAddress: order.drive.elementAddress });
    try {
      const tape = identify(drive, order);
      context.note({ tape });
      return { message: `${order.tape.barcode} is loaded in ${order.drive.name}.`, tape };
    } finally {
      drive.close();
    }
  } catch (error) {
    throw asWorkerFailure(error);
  }
};

/** Does nothing where it lies there already. @throws ChangerError, WorkerFailure */
const moveIntoDrive = async (changer: Changer, order: LoadOrder, signal: AbortSignal): Promise<void> => {
  const { barcode } = order.tape;
  const { elementAddress } = order.drive;
  const { drives, slots } = await changer.inventory(signal);
  const drive = drives.find(({ address }) => address === elementAddress);
  if (drive?.barcode === barcode) return;
  if (drive?.barcode !== undefined)
    throw refuse('DriveOccupied', 'changer', `${order.drive.name} holds ${drive.barcode}, not ${barcode}.`);
  const elsewhere = drives.find((one) => one.barcode === barcode);
  if (elsewhere !== undefined)
    throw refuse('TapeInOtherDrive', 'changer', `${barcode} lies in the drive at ${elsewhere.address}.`);
  const slot = slots.find((one) => one.barcode === barcode);
  if (slot === undefined) throw refuse('TapeNotFound', 'tape', `${barcode} is not in library ${order.library.name}.`);
  await changer.move(slot.address, elementAddress, signal);
};

/** @throws DriveError, WorkerFailure */
const identify = (drive: TapeDrive, order: LoadOrder): TapeFacts => {
  const { barcode } = order.tape;
  const status = drive.status();
  if (!status.ready) {
    const reason = status.reason === 'Offline' ? 'DriveOffline' : 'DriveNotReady';
    throw refuse(reason, 'drive', `${drive.name} is not ready (${status.reason ?? 'no reason given'}).`);
  }
  if (status.barcode !== undefined && status.barcode !== barcode)
    throw refuse('TapeLabelMismatch', 'tape', `${drive.name} holds ${status.barcode}, not ${barcode}.`);
  if (status.writeProtected && order.job.kind === 'BackupJob')
    throw refuse('TapeWriteProtected', 'tape', `${barcode} is write protected.`);
  const label = accept(readTapeLabel(drive), drive, order);
  // A restore reads what is in front of the end: a tape whose end is damaged can still be read.
  const groups = order.job.kind === 'Restore' ? undefined : countGroups(drive, order);
  const { usedBytes, capacityBytes, writeProtected } = drive.status();
  return {
    ...{ barcode, labelId: label.labelId, volumeId: label.volumeId, writeProtected },
    ...(groups !== undefined && { groups }),
    ...(usedBytes !== undefined && { usedBytes }),
    ...(capacityBytes !== undefined && { capacityBytes }),
  };
};

const countGroups = (drive: TapeDrive, order: LoadOrder): number | undefined => {
  const end = findEndOfData(drive);
  checkRecordedGroups(order.tape, end);
  return closedGroups(end);
};

const accept = (found: TapeLabel, drive: TapeDrive, order: LoadOrder): OurLabel => {
  const { barcode, labelId } = order.tape;
  switch (found.kind) {
    case 'foreign':
      throw refuse('TapeForeign', 'tape', `${barcode}: ${found.message}.`);
    case 'blank':
    case 'unfinished':
      return labelAnew(found.kind, drive, order);
    case 'ours':
      if (found.barcode === barcode && (labelId === undefined || labelId === found.labelId)) return found;
      throw refuse(
        'TapeLabelMismatch',
        'tape',
        `The tape in ${drive.name} calls itself ${found.barcode} with label ${found.labelId}, meant is ${barcode}` +
          `${labelId === undefined ? '' : ` with ${labelId}`}.`,
      );
  }
};

const labelAnew = (kind: 'blank' | 'unfinished', drive: TapeDrive, order: LoadOrder): OurLabel => {
  const { tape, newLabelId } = order;
  if (tape.labelId !== undefined)
    throw refuse('TapeLabelMismatch', 'tape', `${tape.barcode} is ${kind}, but its label ${tape.labelId} is recorded.`);
  if (newLabelId === undefined) throw refuse('TapeBlank', 'tape', `${tape.barcode} is ${kind}: nothing to read there.`);
  const labelled = labelTape(drive, { barcode: tape.barcode, labelId: newLabelId, now: new Date() });
  if ('label' in labelled) return labelled.label;
  throw refuse('TapeForeign', 'tape', `${tape.barcode}: ${labelled.message}.`);
};

const refuse = (reason: string, fault: 'tape' | 'drive' | 'changer', message: string): WorkerFailure =>
  new WorkerFailure({ reason, fault, message });
