/**
 * Who holds a resource whose status is empty, from the grants of all jobs and restores and from the pods that act for a
 * grant: hardware without a status may be in use all the same. Pure.
 */
import type { Grant, Holder } from '../../api/generated/index.ts';
import type { JobIdentity } from '../../api/worker-order.ts';
import { holds } from './grant.ts';

export interface GrantHolder {
  readonly job: JobIdentity;
  readonly grants: readonly Grant[];
}

/** One order that a pod is carrying out and that bears a grant. */
export interface GrantedOrder {
  readonly job: JobIdentity;
  readonly grant: { readonly stream: number; readonly epoch: number };
  readonly server: string;
  readonly library: string;
  readonly drive: string;
  readonly tape: string;
}

/** Reads the order of a worker pod as far as its grant goes; undefined for a pod that acts for none. */
export const grantedOrder = (order: unknown): GrantedOrder | undefined => {
  if (!isObject(order)) return undefined;
  const { job, grant, server, library, drive, tape } = order;
  if (!isJob(job) || !isObject(grant) || order['housekeeping'] === true) return undefined;
  const { stream, epoch } = grant;
  if (typeof stream !== 'number' || typeof epoch !== 'number') return undefined;
  const names = { library: nameIn(library), drive: nameIn(drive), tape: nameIn(tape) };
  return { job, grant: { stream, epoch }, server: typeof server === 'string' ? server : '', ...names };
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isJob = (value: unknown): value is JobIdentity =>
  isObject(value) &&
  (value['kind'] === 'BackupJob' || value['kind'] === 'Restore') &&
  ['uid', 'namespace', 'name'].every((field) => typeof value[field] === 'string') &&
  typeof value['processNumber'] === 'number';

const nameIn = (value: unknown): string => (isObject(value) && typeof value['name'] === 'string' ? value['name'] : '');

export interface HeldUnit {
  readonly kind: 'server' | 'drive' | 'tape' | 'switch';
  readonly name: string;
  readonly drive?: string;
}

/** In the order of their epochs, the latest first; each grant once. */
export const holdersOf = (
  unit: HeldUnit,
  owners: readonly GrantHolder[],
  orders: readonly GrantedOrder[],
): readonly Holder[] => {
  const found = new Map<string, Holder>();
  const note = ({ kind, namespace, name, uid, processNumber }: JobIdentity, stream: number, epoch: number): void => {
    found.set(`${uid}/${epoch}`, { kind, namespace, name, uid, epoch, processNumber, stream });
  };
  for (const { job, grants } of owners) {
    for (const grant of grants) if (holds(grant) && namesUnit(grant, unit)) note(job, grant.number, grant.epoch);
  }
  for (const order of orders) if (namesUnit(order, unit)) note(order.job, order.grant.stream, order.grant.epoch);
  return [...found.values()].sort((a, b) => b.epoch - a.epoch || (a.uid < b.uid ? -1 : 1));
};

type Units = Pick<Grant, 'server' | 'library' | 'drive' | 'tape' | 'switches'>;

/** A grant, or an order; that names no switches. */
const namesUnit = (grant: Units, unit: HeldUnit): boolean => {
  switch (unit.kind) {
    case 'server':
      return grant.server === unit.name;
    case 'drive':
      return grant.library === unit.name && grant.drive === unit.drive;
    case 'tape':
      return grant.tape === unit.name;
    case 'switch':
      return (grant.switches ?? []).includes(unit.name);
  }
};
