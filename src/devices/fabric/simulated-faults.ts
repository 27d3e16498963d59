import { parse } from 'yaml';
import { readFileIfThere, replaceFile } from '../atomic-file.ts';

/** What a simulated fabric can be asked to do wrong. */
export const simulatedFaultKinds = ['locked', 'writeLost', 'outcomeUnknown', 'unreachable', 'portDown'] as const;

/** One entry of `<fabric>.faults.yaml`. */
export interface SimulatedFault {
  /**
   * `locked`: somebody else's zoning session refuses a write. `writeLost`: a write is taken and forgotten.
   * `outcomeUnknown`: a write takes place (unless `applied: false`) and its answer is lost. `unreachable`: no call is
   * answered. `portDown`: the device at that port, or the link there, is gone until the entry is taken out.
   */
  readonly kind: (typeof simulatedFaultKinds)[number];
  /** Only calls to this switch; absent: to every switch of the fabric. */
  readonly switch?: string;
  /** Calls that it strikes; default 1, `unreachable` without it until the entry is taken out. */
  readonly times?: number;
  readonly applied?: boolean;
  readonly port?: number;
}

export type FabricCall = 'read' | 'write';

interface Memory {
  readonly text: string;
  /** How often each entry has struck. */
  readonly fired: readonly number[];
}

export class SimulatedFaultsError extends Error {
  readonly code = 'BadFaults';
}

/** Pure. @throws SimulatedFaultsError */
export function parseSimulatedFaults(text: string): readonly SimulatedFault[] {
  const document: unknown = parse(text);
  if (document === null || document === undefined) return [];
  if (!Array.isArray(document)) throw new SimulatedFaultsError('must be a list of faults');
  return document.map((entry: unknown, index) => {
    if (isFault(entry)) return entry;
    throw new SimulatedFaultsError(`entry ${index}: kind must be one of ${simulatedFaultKinds.join(', ')}`);
  });
}

function isFault(entry: unknown): entry is SimulatedFault {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'kind' in entry &&
    simulatedFaultKinds.some((kind) => kind === entry.kind) &&
    (!('times' in entry) || typeof entry.times === 'number') &&
    (!('port' in entry) || typeof entry.port === 'number') &&
    (!('applied' in entry) || typeof entry.applied === 'boolean') &&
    (!('switch' in entry) || typeof entry.switch === 'string')
  );
}

/**
 * The fault that the next call meets, if any; counts it. A change of the file sets everything anew. The caller holds
 * the fabric's lock. What cannot be understood is no fault, and is noted beside the counts.
 *
 * @param path  of the fabric's files, without their endings
 */
export function meetSimulatedFault(path: string, call: FabricCall, switchName: string): SimulatedFault | undefined {
  const text = readFileIfThere(`${path}.faults.yaml`) ?? '';
  if (text === '') return undefined;
  const faults = readFaults(path, text);
  const before = readMemory(`${path}.faults.fired.json`);
  const fired = faults.map((_, index) => (before.text === text ? (before.fired[index] ?? 0) : 0));
  const index = faults.findIndex((fault, at) => strikes(fault, call, switchName, fired[at] ?? 0));
  if (index < 0) return undefined;
  fired[index] = (fired[index] ?? 0) + 1;
  replaceFile(`${path}.faults.fired.json`, `${JSON.stringify({ text, fired }, undefined, 2)}\n`, false);
  return faults[index];
}

/** Ports of the switch that are down now. */
export function downPorts(path: string, switchName: string): ReadonlySet<number> {
  const text = readFileIfThere(`${path}.faults.yaml`) ?? '';
  const mine = readFaults(path, text).filter((fault) => fault.switch === undefined || fault.switch === switchName);
  return new Set(mine.flatMap(({ kind, port }) => (kind === 'portDown' && port !== undefined ? [port] : [])));
}

function readFaults(path: string, text: string): readonly SimulatedFault[] {
  try {
    return parseSimulatedFaults(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    replaceFile(`${path}.faults.fired.json`, `${JSON.stringify({ text, fired: [], problem }, undefined, 2)}\n`, false);
    return [];
  }
}

function strikes(fault: SimulatedFault, call: FabricCall, switchName: string, fired: number): boolean {
  if (fault.switch !== undefined && fault.switch !== switchName) return false;
  if (fault.kind === 'portDown') return false;
  if (fault.kind === 'unreachable') return fired < (fault.times ?? Number.POSITIVE_INFINITY);
  return call === 'write' && fired < (fault.times ?? 1);
}

function readMemory(path: string): Memory {
  const text = readFileIfThere(path);
  const memory: unknown = text === undefined ? undefined : JSON.parse(text);
  const known = typeof memory === 'object' && memory !== null && 'text' in memory && 'fired' in memory;
  if (!known || typeof memory.text !== 'string' || !Array.isArray(memory.fired)) return { text: '', fired: [] };
  return { text: memory.text, fired: memory.fired.map(Number) };
}
