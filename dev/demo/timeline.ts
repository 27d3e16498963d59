/** How long each phase took, for the table at the end. */
import { formatTable } from '../../src/cli/table.ts';

export interface Span {
  readonly name: string;
  readonly ms: number;
  /** What happened in it, or what it moved. */
  readonly remark: string;
}

export class Timeline {
  readonly #spans: Span[] = [];
  readonly #startedMs = performance.now();

  add(name: string, ms: number, remark = ''): void {
    this.#spans.push({ name, ms: Math.max(0, ms), remark });
  }

  /** Measures what is awaited. */
  async measure<T>(name: string, work: () => Promise<T> | T, remark: (result: T) => string = () => ''): Promise<T> {
    const startMs = performance.now();
    const result = await work();
    this.add(name, performance.now() - startMs, remark(result));
    return result;
  }

  get totalMs(): number {
    return performance.now() - this.#startedMs;
  }

  table(): readonly string[] {
    const rows = this.#spans.map(({ name, ms, remark }) => [name, formatSeconds(ms).padStart(8), remark]);
    return formatTable([], [...rows, ['all together', formatSeconds(this.totalMs).padStart(8), '']]);
  }
}

/** `0.4 s`, `12.3 s`, `2 min 5 s`. Pure. */
export function formatSeconds(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return `${String(Math.floor(seconds / 60))} min ${String(Math.round(seconds % 60))} s`;
}
