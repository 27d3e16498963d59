/** What is left when everything should have come to rest. */
import { grantOfName, labels } from '../../src/api/names.ts';
import { backupJobs, backupSaveRecords, tapeLibraries } from '../../src/api/resources.ts';
import { pods } from '../../src/kube/resources.ts';
import type { ApiServer } from './api-server.ts';
import { isRunning, type Container } from './container.ts';
import type { Hardware } from './hardware.ts';
import { finalPhases, unitText, type Invariants } from './invariants.ts';

export interface AtRest {
  readonly api: ApiServer;
  readonly hardware: Hardware;
  readonly invariants: Invariants;
  readonly containers: readonly Container[];
}

/** One line for each thing that is out of place; empty: rest. */
export const unrest = ({ api, hardware, invariants, containers }: AtRest): readonly string[] => {
  const found: string[] = [];
  for (const { metadata, status } of api.all(backupJobs)) {
    const phase = status?.phase ?? 'None';
    if (!finalPhases.includes(phase)) {
      const grants = [...(status?.streams ?? []), ...(status?.retired ?? [])];
      const states = grants.map(({ number, epoch, state }) => `s${number}e${epoch} ${state}`).join(', ');
      found.push(`job ${metadata.name} is ${phase} (${states}) ${status?.reason ?? ''}: ${status?.message ?? ''}`);
    }
    if ((metadata.finalizers ?? []).length > 0) found.push(`job ${metadata.name} has a finalizer`);
    if (metadata.deletionTimestamp !== undefined) found.push(`job ${metadata.name} is being deleted`);
  }
  for (const [unit, holder] of invariants.holdings()) {
    found.push(`${unitText(unit)} is held by ${holder.name} e${holder.epoch}`);
  }
  for (const { name, zones } of hardware.switches.values()) {
    for (const zone of zones.keys()) found.push(`zone ${zone} stands on ${name}`);
  }
  for (const container of containers) if (isRunning(container)) found.push(`${container.name} runs`);
  for (const { metadata } of api.all(pods)) {
    if ((metadata?.finalizers ?? []).length > 0) found.push(`pod ${metadata?.name ?? ''} has a finalizer`);
    else if (grantOfName(metadata?.name ?? '') !== undefined) found.push(`pod ${metadata?.name ?? ''} is there`);
  }
  for (const { metadata } of api.all(backupSaveRecords)) {
    if (metadata.labels?.[labels.active] === 'true') found.push(`record ${metadata.name} is active`);
  }
  for (const { name, drives } of hardware.libraries.values()) {
    for (const { name: drive, loaded } of drives) {
      if (loaded !== undefined) found.push(`${loaded.barcode} is in ${name}/${drive}`);
    }
  }
  for (const { metadata, status } of api.all(tapeLibraries)) {
    for (const { name, state, loadedTape } of status?.drives ?? []) {
      if (state !== 'Usable') found.push(`drive ${metadata.name}/${name} is ${state ?? 'nothing'}`);
      if ((loadedTape ?? '') !== '') found.push(`drive ${metadata.name}/${name} is said to hold ${loadedTape ?? ''}`);
    }
    if (status?.changerHolder !== undefined) found.push(`library ${metadata.name} is at work`);
  }
  return found;
};
