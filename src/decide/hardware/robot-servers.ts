/** Which servers may move a library's robot. */
import type { BackupServer, TapeLibrary } from '../../api/generated/index.ts';
import type { Grant } from '../grant/grant.ts';
import type { NodeFacts } from '../grant/pod-facts.ts';

export const mayMoveRobot = (server: BackupServer, library: TapeLibrary): boolean => {
  const { name } = server.metadata;
  const usable = server.status?.state === 'Usable' || server.status?.state === 'InUse';
  if (!usable || !library.spec.servers.includes(name)) return false;
  if (server.spec.libraries === undefined) return true;
  return server.spec.libraries.some((one) => one.name === library.metadata.name && one.changer !== false);
};

/**
 * The grant's own server, and every other usable one that may move the robot; only those whose node answers, and what is
 * avoided last.
 *
 * @param avoided that have failed whoever asks
 */
export const serversForUnload = (
  grant: Grant,
  library: TapeLibrary | undefined,
  servers: readonly BackupServer[],
  nodes: ReadonlyMap<string, NodeFacts>,
  avoided: readonly string[] = [],
): readonly string[] => {
  const alive = servers.filter(({ spec }) => nodes.get(spec.node)?.ready === true);
  const others = alive.filter((one) => library !== undefined && mayMoveRobot(one, library));
  const names = others.map(({ metadata }) => metadata.name).filter((name) => name !== grant.server);
  const own = alive.some(({ metadata }) => metadata.name === grant.server) ? [grant.server ?? ''] : [];
  const able = [...own, ...names.sort()];
  const isAvoided = (name: string): boolean => avoided.includes(name);
  return [...able.filter((name) => !isAvoided(name)), ...able.filter(isAvoided)];
};
