/**
 * The supervisor of a local installation: starts everything, starts again what dies, and stops everything in order.
 * It ends only when told to; what it leaves when it is killed itself is found by `processes.json` and by the marks in
 * the processes' environment.
 */
import { findBinaries } from '../controlplane/binaries.ts';
import { componentRoles, prepareComponents } from '../controlplane/components.ts';
import { findFreePorts } from '../controlplane/ports.ts';
import { readIdentity } from '../processes/process-identity.ts';
import { agentClients, type Client, operatorClient } from './commands.ts';
import { installApi, installHardware, makeKubectl } from './install.ts';
import { Keeper } from './keeper.ts';
import type { Layout } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { markEnvironment } from './marks.ts';
import type { LocalOptions } from './options.ts';
import { type ProcessEntry, type Role, roles, writeProcessTable } from './process-table.ts';
import { type LocalStatus, writeStatus } from './status.ts';
import { waitUntilHealthy, waitUntilReady } from './wait-ready.ts';

// The agent gives its workers up to 30 s; see its --kill-grace.
const stopBoundMs: Readonly<Record<Exclude<Role, 'supervisor'>, number>> = {
  operator: 10_000,
  agent: 40_000,
  'kube-scheduler': 5_000,
  'kube-controller-manager': 5_000,
  // After SIGTERM it waits long for watches to end of themselves; killing it loses nothing, etcd has it all.
  'kube-apiserver': 5_000,
  etcd: 10_000,
};
/** Each group ends before the next is told to: nobody is left without the server that he talks to. */
const stopOrder: readonly (readonly Role[])[] = [
  ['operator'],
  ['agent'],
  ['kube-scheduler', 'kube-controller-manager'],
  ['kube-apiserver'],
  ['etcd'],
];

export interface SuperviseOptions {
  readonly layout: Layout;
  readonly options: LocalOptions;
  readonly log: (line: string) => void;
  /** False: somebody runs the operator by himself, such as in a debugger. */
  readonly withOperator: boolean;
  /** Aborted: stop everything and return. */
  readonly signal: AbortSignal;
}

/**
 * Returns when all is stopped.
 * @throws Error when something does not come up; everything is stopped then, too, and `status.json` says why
 */
export async function supervise({ layout, options, log, withOperator, signal }: SuperviseOptions): Promise<void> {
  const keepers: Keeper[] = [];
  const record = (): void => writeProcessTable(layout.processes, entriesOf(keepers));
  const report = (status: LocalStatus): void => {
    writeStatus(layout, status);
    log(JSON.stringify(status));
  };
  const keep = (client: Pick<Client, 'command'>): void => {
    const keeper = new Keeper({ command: client.command, log, onChange: record });
    keepers.push(keeper);
    keeper.start();
  };
  report({ phase: 'starting', doing: 'the control plane' });
  if ((await endLeftovers(layout)) > 0) log('ended what an earlier supervisor had left');
  record();
  try {
    const env = markEnvironment(layout);
    const binaries = await findBinaries({ log, signal });
    const components = await prepareComponents({ stateDir: layout.folder, binaries, env }, true);
    for (const role of componentRoles) keep({ command: components.commands[role] });
    await waitUntilHealthy(components, signal);

    report({ phase: 'starting', doing: 'CRDs and rights' });
    const kubectl = makeKubectl(binaries.kubectl, layout, signal);
    await installApi(kubectl);
    await installHardware(kubectl, layout, options);

    report({ phase: 'starting', doing: 'operator and node agents' });
    const [metricsPort = 0] = await findFreePorts(1);
    const startedAt = new Date();
    const operator = operatorClient(layout, metricsPort, env);
    for (const client of [...agentClients(layout, options, env), operator]) {
      await components.writeKubeconfig(client.kubeconfig, client.subject);
      if (withOperator || client !== operator) keep(client);
    }
    const metrics = `http://127.0.0.1:${metricsPort}`;
    const wait = { layout, options, kubectl, startedAt, signal, report };
    const warnings = await waitUntilReady({ ...wait, operatorUrl: withOperator ? metrics : undefined });
    report({ phase: 'ready', warnings, metricsUrl: `${metrics}/metrics` });
    await untilAborted(signal);
  } catch (error) {
    if (!signal.aborted) {
      report({ phase: 'failed', reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  } finally {
    await stopAll(keepers);
    writeProcessTable(layout.processes, []);
    if (signal.aborted) report({ phase: 'stopped' });
  }
}

function entriesOf(keepers: readonly Keeper[]): readonly ProcessEntry[] {
  const self = readIdentity(process.pid);
  const supervisor: readonly ProcessEntry[] =
    self === undefined ? [] : [{ role: 'supervisor', name: 'supervisor', ...self }];
  const kept = keepers.flatMap((keeper): readonly ProcessEntry[] => {
    const daemon = keeper.running();
    const role = roles.find((candidate) => candidate === keeper.command.role);
    return daemon === undefined || role === undefined ? [] : [{ role, name: keeper.command.name, ...daemon.identity }];
  });
  return [...kept, ...supervisor];
}

async function stopAll(keepers: readonly Keeper[]): Promise<void> {
  for (const group of stopOrder) {
    const members = keepers.filter((keeper) => group.some((role) => role === keeper.command.role));
    await Promise.all(members.map((keeper) => keeper.stop(boundOf(keeper))));
  }
}

function boundOf(keeper: Keeper): number {
  const role = roles.find((candidate) => candidate === keeper.command.role);
  return role === undefined || role === 'supervisor' ? 0 : stopBoundMs[role];
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // The keepers' handles do not hold the process; this one does.
  const hold = setInterval(() => undefined, 3_600_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(hold);
}
