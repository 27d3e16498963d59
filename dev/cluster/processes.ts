/** The bench's processes as they are written down: by `up`, and whenever one is started again. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { DaemonCommand } from '../processes/daemon.ts';
import type { Layout } from './layout.ts';

export interface BenchProcess {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
  /** How it was started, namespaces and cgroup included; absent for those whose end is the end of a member. */
  readonly command?: DaemonCommand;
}

/** Whoever bore the name before is forgotten. */
export function rememberProcess(layout: Layout, one: BenchProcess): void {
  const others = readProcesses(layout).filter(({ name }) => name !== one.name);
  const unfinished = `${layout.processes}.unfinished`;
  writeFileSync(unfinished, `${JSON.stringify([...others, one], null, 2)}\n`);
  renameSync(unfinished, layout.processes);
}

/** @throws Error where no process of that name is written down */
export function processNamed(layout: Layout, name: string): BenchProcess {
  const known = readProcesses(layout);
  const found = known.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = known.map((one) => one.name).join(', ');
  throw new Error(`${layout.processes} has no ${name}; it has ${names === '' ? 'nothing: no cluster runs' : names}`);
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
    typeof Reflect.get(value, 'pid') === 'number' &&
    isCommandOrNone(Reflect.get(value, 'command'))
  );
}

function isCommandOrNone(value: unknown): value is DaemonCommand | undefined {
  if (value === undefined) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    ['role', 'name', 'command', 'logFile'].every((key) => typeof Reflect.get(value, key) === 'string') &&
    Array.isArray(Reflect.get(value, 'args'))
  );
}
