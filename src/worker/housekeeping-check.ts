import { tapeLibraries } from '../api/resources.ts';
import type { UnloadOrder } from '../api/worker-order.ts';
import type { Api } from '../kube/api.ts';
import { realClock } from '../kube/clock.ts';
import { WorkerFailure } from './failure.ts';
import { apiFailure, openPatienceMs, withPatience } from './head.ts';

/**
 * Reads, uncached, that the library's robot is this pod's and that nobody holds the drive: what an unload of a cartridge
 * that a crash left behind has instead of a holder.
 *
 * @throws WorkerFailure `NotTheHolder`
 */
export const checkHousekeeping = async (
  api: Api,
  order: Pick<UnloadOrder, 'library' | 'drive' | 'pod'>,
  signal: AbortSignal,
): Promise<void> => {
  const read = () => api.get(tapeLibraries, { name: order.library.name }, signal);
  const { status } = await withPatience(realClock, openPatienceMs, signal, read).catch((error: unknown) => {
    throw apiFailure('Who uses the robot could not be read', error);
  });
  const robot = status?.changerHolder?.pod ?? 'nobody';
  const holder = status?.drives?.find(({ name }) => name === order.drive.name)?.holder;
  if (robot === order.pod && holder === undefined) return;
  const held = holder === undefined ? 'nobody' : `${holder.namespace}/${holder.name}`;
  const message = `${order.library.name} is moved by ${robot} and ${order.drive.name} is held by ${held}, not by ${order.pod} and nobody.`;
  throw new WorkerFailure({ reason: 'NotTheHolder', fault: 'order', message });
};
