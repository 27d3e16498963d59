import type { Holder } from '../api/generated/shared.ts';
import { tapeLibraries, tapes } from '../api/resources.ts';
import type { LoadOrder } from '../api/worker-order.ts';
import type { Api } from '../kube/api.ts';
import { realClock, type Clock } from '../kube/clock.ts';
import { WorkerFailure } from './failure.ts';
import { apiFailure, openPatienceMs, withPatience } from './head.ts';

export type GrantedOrder = Pick<LoadOrder, 'job' | 'grant' | 'library' | 'drive' | 'tape'>;

/**
 * Reads, uncached, who holds the tape and the drive. An action of a leader that has been replaced ends here, before it
 * has touched anything.
 *
 * @throws WorkerFailure `NotTheHolder`
 */
export const checkHolder = async (
  api: Api,
  order: GrantedOrder,
  signal: AbortSignal,
  clock: Clock = realClock,
): Promise<void> => {
  const [tape, library] = await withPatience(clock, openPatienceMs, signal, () =>
    Promise.all([
      api.get(tapes, { name: order.tape.name }, signal),
      api.get(tapeLibraries, { name: order.library.name }, signal),
    ]),
  ).catch((error: unknown) => {
    throw apiFailure('The holder of tape and drive could not be read', error);
  });
  const drive = library.status?.drives?.find(({ name }) => name === order.drive.name);
  mustHold(`tape ${order.tape.name}`, tape.status?.holder, order);
  mustHold(`drive ${order.library.name}/${order.drive.name}`, drive?.holder, order);
};

const mustHold = (what: string, holder: Holder | undefined, { job, grant }: GrantedOrder): void => {
  if (holder?.uid === job.uid && holder.epoch === grant.epoch) return;
  const found = holder === undefined ? 'nobody' : `${holder.namespace}/${holder.name} in epoch ${holder.epoch}`;
  const message = `${what} is held by ${found}, not by ${job.namespace}/${job.name} in epoch ${grant.epoch}.`;
  throw new WorkerFailure({ reason: 'NotTheHolder', fault: 'order', message });
};
