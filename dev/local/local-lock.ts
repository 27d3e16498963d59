import { withMachineLock } from '../processes/machine-lock.ts';
import type { Layout } from './layout.ts';

/** One `up` or `down` of a folder at a time. */
export async function withLocalLock(
  layout: Layout,
  log: (line: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  const onWait = (): void => log(`another command is at work on ${layout.folder}; waiting for it`);
  await withMachineLock(`local ${layout.folder}`, onWait, work);
}
