/** `processes.json`: what runs now, for people and scripts, and for whoever has to end what a killed supervisor left. */
import { readFileSync } from 'node:fs';
import type { ProcessIdentity } from '../processes/process-identity.ts';
import { replaceJson } from './json-file.ts';

export const roles = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'operator',
  'agent',
  'supervisor',
] as const;
export type Role = (typeof roles)[number];

export interface ProcessEntry extends ProcessIdentity {
  readonly role: Role;
  readonly name: string;
}

export function writeProcessTable(file: string, entries: readonly ProcessEntry[]): void {
  replaceJson(
    file,
    entries.map(({ role, name, pid, startTicks, bootId }) => ({ role, name, pid, startTicks, bootId })),
  );
}

/** What can't be read counts as nothing: the marks of the processes themselves are the second source. */
export function readProcessTable(file: string): readonly ProcessEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.flatMap((entry: unknown) => parseEntry(entry) ?? []) : [];
}

function parseEntry(value: unknown): ProcessEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { role, name, pid, startTicks, bootId } = { role: '', name: '', pid: 0, startTicks: '', bootId: '', ...value };
  const known = roles.find((candidate) => candidate === role);
  if (known === undefined || !Number.isInteger(pid)) return undefined;
  return { role: known, name, pid, startTicks, bootId };
}
