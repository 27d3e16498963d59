/** What must be so when no job and no restore runs: nothing held, zoned, loaded, running or left behind. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { backupJobs, backupServers, fcSwitches, restores, tapeLibraries, tapes } from '../../src/api/resources.ts';
import { operatorNamespace } from '../../src/api/names.ts';
import { openVirtualLibrary } from '../../src/devices/changer/virtual-library.ts';
import { pods } from '../../src/kube/resources.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Everything that is not at rest, in words; empty when all is. */
export const findUnrest = async (cluster: LocalCluster, servers: readonly string[]): Promise<readonly string[]> => [
  ...(await findHolders(cluster)),
  ...findZones(cluster),
  ...(await findLoaded(cluster)),
  ...(await findPods(cluster)),
  ...servers.flatMap((server) => cluster.workers(server).map(({ pid }) => `${server} runs process ${String(pid)}`)),
  ...(await findFinalizers(cluster)),
];

const findHolders = async (cluster: LocalCluster): Promise<readonly string[]> => {
  const named = (kind: string, name: string, holders: readonly unknown[]): readonly string[] =>
    holders.map((holder) => `${kind} ${name} is held by ${JSON.stringify(holder)}`);
  const servers = (await cluster.list(backupServers)).flatMap(({ metadata, status }) =>
    named('server', metadata.name, status?.holders ?? []),
  );
  const switches = (await cluster.list(fcSwitches)).flatMap(({ metadata, status }) => [
    ...named('switch', metadata.name, status?.holders ?? []),
  ]);
  const drives = (await cluster.list(tapeLibraries)).flatMap(({ metadata, status }) =>
    (status?.drives ?? []).flatMap(({ name, holder }) =>
      named('drive', `${metadata.name}/${name}`, holder === undefined ? [] : [holder]),
    ),
  );
  const held = (await cluster.list(tapes)).flatMap(({ metadata, status }) =>
    named('tape', metadata.name, status?.holder === undefined ? [] : [status.holder]),
  );
  return [...servers, ...switches, ...drives, ...held];
};

const findZones = (cluster: LocalCluster): readonly string[] => {
  const folder = path.join(cluster.state, 'operator', 'fabrics');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.zones.json'))
    .flatMap((name) => {
      const zones: unknown = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      return Array.isArray(zones) ? zones.map((zone: unknown) => `${name} has ${JSON.stringify(zone)}`) : [name];
    });
};

const findLoaded = async (cluster: LocalCluster): Promise<readonly string[]> => {
  const libraries = path.join(cluster.state, 'libraries');
  const found: string[] = [];
  for (const name of readdirSync(libraries).filter((one) => !one.endsWith('.labelled'))) {
    const { drives } = await openVirtualLibrary(path.join(libraries, name)).changer.inventory();
    for (const { address, barcode } of drives)
      if (barcode !== undefined) found.push(`${name}: ${barcode} is in the drive at ${String(address)}`);
  }
  return found;
};

const findPods = async (cluster: LocalCluster): Promise<readonly string[]> => {
  const { items } = await cluster.api.list(pods, { namespace: operatorNamespace });
  return items.map(({ metadata }) => `pod ${metadata?.name ?? ''} is there`);
};

const findFinalizers = async (cluster: LocalCluster): Promise<readonly string[]> => {
  const jobs = await cluster.api.list(backupJobs, { namespace: 'default' });
  const others = await cluster.api.list(restores, { namespace: 'default' });
  return [...jobs.items, ...others.items].flatMap(({ metadata }) =>
    (metadata.finalizers ?? []).map((finalizer) => `${metadata.name} has the finalizer ${finalizer}`),
  );
};
