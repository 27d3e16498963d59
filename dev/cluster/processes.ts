import { existsSync, readFileSync } from 'node:fs';
import type { Layout } from './layout.ts';

export interface BenchProcess {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
}

/** What the last `up` wrote down and no `down` has removed. */
export function readProcesses(layout: Layout): readonly BenchProcess[] {
  if (!existsSync(layout.processes)) return [];
  const list: unknown = JSON.parse(readFileSync(layout.processes, 'utf8'));
  if (!Array.isArray(list)) throw new Error(`${layout.processes} must hold a list`);
  return list.filter(isProcess);
}

function isProcess(value: unknown): value is BenchProcess {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'role') === 'string' &&
    typeof Reflect.get(value, 'name') === 'string' &&
    typeof Reflect.get(value, 'pid') === 'number'
  );
}
