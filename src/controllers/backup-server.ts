/** Mirrors the node of a backup server into its state. */
import type { BackupServer } from '../api/generated/index.ts';
import { backupServers } from '../api/resources.ts';
import { decideServer } from '../decide/hardware/hardware-state.ts';
import { done, requeueAfter, type Reconcile } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { updateStatusIfChanged } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import { findHolders } from './observe-owners.ts';

/** After a write that met another one: the cache has that soon. */
export const conflictMs = 200;

export const makeBackupServerReconciler =
  (deps: Deps): Reconcile =>
  async (key, signal) => {
    const server = deps.caches.servers.get(key);
    if (server === undefined) return done;
    const now = new Date(deps.clock.now()).toISOString();
    const status =
      server.status?.state === undefined
        ? await rebuilt(deps, server, signal)
        : decideServer(server, deps.caches.nodes.get(server.spec.node), now);
    const written = await updateStatusIfChanged(deps.api, backupServers, server, status, signal);
    if (written.conflict) return requeueAfter(conflictMs);
    tell(deps, server, status);
    return done;
  };

/** An empty status is Unknown, never free: who holds the server is found again before it is offered. */
const rebuilt = async (deps: Deps, server: BackupServer, signal: AbortSignal) => {
  const [holders = []] = await findHolders(deps, [{ kind: 'server', name: server.metadata.name }], signal);
  return { ...server.status, state: 'Unknown' as const, holders: [...holders] };
};

const tell = (deps: Deps, before: BackupServer, status: NonNullable<BackupServer['status']>): void => {
  const was = before.status?.state;
  if (was === status.state || (was !== 'NotUsable' && status.state !== 'NotUsable')) return;
  const regarding = referenceTo(backupServers, before);
  if (status.state === 'NotUsable') {
    const note = status.message ?? '';
    deps.events.record({ regarding, type: 'Warning', reason: status.reason ?? 'NotUsable', action: 'Observe', note });
  } else {
    deps.events.record({ regarding, type: 'Normal', reason: 'Usable', action: 'Observe', note: 'usable again' });
  }
};
