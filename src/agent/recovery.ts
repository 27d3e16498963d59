/** Brings back the containers that an earlier agent on this machine has left. */
import type { Log } from '../kube/log.ts';
import type { Container, Containers } from './containers.ts';

export interface Recovered {
  /** By the pod's uid: running or ended. */
  readonly containers: Map<string, Container>;
  /** Uids of which it is not known whether anything of them runs: nothing may be started for them. */
  readonly unclear: Set<string>;
}

/** One folder that can't be read keeps back its own pod only. */
export const recoverAll = async (containers: Containers, log: Log): Promise<Recovered> => {
  const recovered: Recovered = { containers: new Map(), unclear: new Set() };
  await containers.endUnrecorded();
  for (const uid of containers.recorded()) await recoverOne(containers, log, recovered, uid);
  return recovered;
};

/** Looks at one pod's folder; says whether it is clear now what was there. */
export const recoverOne = async (
  containers: Containers,
  log: Log,
  { containers: found, unclear }: Recovered,
  uid: string,
): Promise<boolean> => {
  try {
    const container = await containers.recover(uid);
    if (container !== undefined) found.set(uid, container);
    unclear.delete(uid);
    return true;
  } catch (error) {
    unclear.add(uid);
    log.error({ uid, err: error }, 'what an earlier agent left of the pod cannot be read; trying again');
    return false;
  }
};
