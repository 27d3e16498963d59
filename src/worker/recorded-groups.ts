import { closedGroups, type EndOfData } from '../tape/end-of-data.ts';
import { WorkerFailure } from './failure.ts';

/**
 * The tape against its record: what was flushed once can't be missing. A tape with fewer groups has lost some, or is
 * another one, and writing on it might cover what could still be read by other means.
 *
 * @throws WorkerFailure `TapeInconsistent`
 */
export const checkRecordedGroups = (
  tape: { readonly barcode: string; readonly groups?: number },
  end: EndOfData,
): void => {
  const found = closedGroups(end);
  if (tape.groups === undefined || found === undefined || found >= tape.groups) return;
  const message = `Tape ${tape.barcode} ends after ${found} groups, but ${tape.groups} are recorded: it is not written on.`;
  throw new WorkerFailure({ reason: 'TapeInconsistent', fault: 'tape', message });
};
