/** Judges from the API objects whether a local installation is ready. Pure. */

/** What is looked at of any object. */
export interface SeenObject {
  readonly kind: string;
  readonly name: string;
  /** Of the status; undefined: none yet. */
  readonly state: string | undefined;
  readonly reason: string | undefined;
}

export interface Readiness {
  /** What one waits for; empty: every object is known to the operator and usable or in use. */
  readonly waitingFor: readonly string[];
  /** Of these, what will not become better of itself. */
  readonly broken: readonly string[];
}

const well = new Set(['Usable', 'InUse', 'Scratch', 'Full']);

/** @param expectedTapes how many Tape objects there are at least */
export function judgeReadiness(seen: readonly SeenObject[], expectedTapes: number): Readiness {
  const unwell = seen.filter((one) => one.state === undefined || !well.has(one.state));
  const broken = unwell.filter((one) => one.state !== undefined && one.state !== 'Unknown').map(describe);
  const unknown = unwell.filter((one) => one.state === undefined || one.state === 'Unknown').map(describe);
  const tapes = seen.filter((one) => one.kind === 'Tape').length;
  const missing = tapes < expectedTapes ? [`${expectedTapes - tapes} tapes that no inventory has named yet`] : [];
  return { waitingFor: [...unknown, ...missing, ...broken], broken };
}

function describe(one: SeenObject): string {
  const state = one.state ?? 'not seen by the operator';
  return `${one.kind} ${one.name} (${state}${one.reason === undefined || one.reason === '' ? '' : `: ${one.reason}`})`;
}

/** @param text what `kubectl get -o json` prints */
export function parseObjects(text: string): readonly SeenObject[] {
  const list: unknown = JSON.parse(text);
  const items: unknown = field(list, 'items');
  return (Array.isArray(items) ? items : []).map((item: unknown) => ({
    kind: textOf(field(item, 'kind')) ?? '',
    name: textOf(field(field(item, 'metadata'), 'name')) ?? '',
    state: textOf(field(field(item, 'status'), 'state')),
    reason: textOf(field(field(item, 'status'), 'reason')),
  }));
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
