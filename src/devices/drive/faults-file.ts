import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const isYaml = (value: unknown): value is typeof Yaml =>
  typeof value === 'object' && value !== null && 'parse' in value;

/** Loaded where there are faults, which is only in trials: its many modules are a third of what a worker's start loads. */
const parseYaml = (text: string): unknown => {
  const yaml: unknown = createRequire(import.meta.url)('yaml');
  return isYaml(yaml) ? yaml.parse(text) : undefined;
};

export const faultKinds = ['writeError', 'readError', 'stall', 'slow', 'offline'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One entry of a library's `faults.yaml`. */
export interface Fault {
  /** Number of the drive in the library, from 0. */
  readonly drive: number;
  /**
   * `writeError` and `readError` fail that many `times`; `stall` blocks every operation, `slow` throttles and `offline`
   * refuses everything until the entry is taken out of the file.
   */
  readonly kind: FaultKind;
  /** Bytes that the drive must have moved since the fault was set. */
  readonly afterBytes: number;
  readonly times: number;
  /** Of `slow`. */
  readonly bytesPerSecond: number;
}

export type ParsedFaults =
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  | { readonly kind: 'problem'; readonly message: string };

const keys = ['drive', 'kind', 'afterBytes', 'times', 'bytesPerSecond'];

/** Pure; an empty file is an empty list. */
export function parseFaults(text: string): ParsedFaults {
  if (text === '') return { kind: 'faults', faults: [] };
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch (error) {
    return problem(error instanceof Error ? error.message : String(error));
  }
  if (document === null || document === undefined) return { kind: 'faults', faults: [] };
  if (!Array.isArray(document)) return problem('must be a list of faults');
  const faults: Fault[] = [];
  for (const [index, entry] of document.entries()) {
    const fault = parseFault(entry);
    if (typeof fault === 'string') return problem(`entry ${index}: ${fault}`);
    faults.push(fault);
  }
  return { kind: 'faults', faults };
}

const problem = (message: string): ParsedFaults => ({ kind: 'problem', message });

function parseFault(entry: unknown): Fault | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'must be a map';
  const fields = new Map<string, unknown>(Object.entries(entry));
  const unknown = [...fields.keys()].find((key) => !keys.includes(key));
  if (unknown !== undefined) return `${unknown} is not known; there are ${keys.join(', ')}`;
  const kind = faultKinds.find((known) => known === fields.get('kind'));
  if (kind === undefined) return `kind must be one of ${faultKinds.join(', ')}`;
  const drive = wholeNumber(fields.get('drive'), 0);
  if (drive === undefined) return 'drive must be the number of a drive, from 0';
  const afterBytes = wholeNumber(fields.get('afterBytes') ?? 0, 0);
  if (afterBytes === undefined) return 'afterBytes must be a whole number, 0 or more';
  const times = wholeNumber(fields.get('times') ?? 1, 1);
  if (times === undefined) return 'times must be a whole number, 1 or more';
  const bytesPerSecond = wholeNumber(fields.get('bytesPerSecond') ?? 1_048_576, 1);
  if (bytesPerSecond === undefined) return 'bytesPerSecond must be a whole number, 1 or more';
  return { drive, kind, afterBytes, times, bytesPerSecond };
}

const wholeNumber = (value: unknown, minimum: number): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum ? value : undefined;
