/** Every process of a local installation bears its folder in its environment; so it can be found without any record. */
import { stateMark } from '../../src/agent/pod-processes.ts';
import { findMarked, type ProcessIdentity } from '../processes/process-identity.ts';
import { agentFolder, type Layout } from './layout.ts';

const mark = 'TWINREEL_LOCAL_STATE';

export function markEnvironment(layout: Layout): Readonly<Record<string, string>> {
  return { [mark]: layout.folder };
}

/** All but this process. */
export function findOwn(layout: Layout): readonly ProcessIdentity[] {
  return findMarked(mark, layout.folder).filter((one) => one.pid !== process.pid);
}

/** Processes of worker pods, whether or not their agent lives. */
export function findWorkers(layout: Layout, servers: number): readonly ProcessIdentity[] {
  return Array.from({ length: servers }, (_, number) => findMarked(stateMark, agentFolder(layout, number))).flat();
}
