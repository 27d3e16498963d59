import { backupServers, fcSwitches, tapeLibraries, tapes } from '../../src/api/resources.ts';
import { DemoError } from './demo-error.ts';
import type { Stage } from './stage.ts';

/** When all has ended, nothing is held and nothing is zoned. @throws DemoError */
export async function requireAtRest({ cluster, signal, teller }: Stage): Promise<void> {
  const { api } = cluster;
  const [servers, libraries, switches, cartridges] = await Promise.all([
    api.list(backupServers, {}, signal),
    api.list(tapeLibraries, {}, signal),
    api.list(fcSwitches, {}, signal),
    api.list(tapes, {}, signal),
  ]);
  const held = [
    ...servers.items.filter(({ status }) => (status?.holders ?? []).length > 0),
    ...libraries.items.filter(({ status }) => (status?.drives ?? []).some((drive) => drive.holder !== undefined)),
    ...switches.items.filter(({ status }) => (status?.holders ?? []).length + (status?.zones ?? []).length > 0),
    ...cartridges.items.filter(({ status }) => status?.holder !== undefined),
  ].map(({ metadata }) => metadata.name);
  if (held.length > 0) throw new DemoError(`still held though nothing runs: ${held.join(', ')}`);
  teller.good('nothing is held, nothing is zoned, no drive is loaded for anybody');
}
