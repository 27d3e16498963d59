/** Streams at work: bars on a terminal, a line for each every two seconds elsewhere. */
import { MultiBar, type SingleBar } from 'cli-progress';
import { formatRate } from '../../src/cli/amounts.ts';
import { formatBytes } from '../../src/decide/units.ts';
import type { Teller } from './teller.ts';

export interface ProgressRow {
  /** Such as `stream 0`. */
  readonly name: string;
  readonly doneBytes: number;
  /** 0: not known yet. */
  readonly totalBytes: number;
  /** Route, activity. */
  readonly detail: string;
}

const plainEveryMs = 2000;
const rateWindowMs = 4000;

export class Progress {
  readonly #teller: Teller;
  readonly #rates = new Map<string, RateMeter>();
  #bars: { readonly all: MultiBar; readonly byName: Map<string, SingleBar> } | undefined;
  #rows: readonly ProgressRow[] = [];
  #saidMs = performance.now();

  constructor(teller: Teller) {
    this.#teller = teller;
  }

  show(rows: readonly ProgressRow[]): void {
    this.#rows = rows;
    const nowMs = performance.now();
    for (const row of rows) this.#rateOf(row.name).see(row.doneBytes, nowMs);
    if (this.#teller.isTerminal) this.#draw();
    else if (nowMs - this.#saidMs >= plainEveryMs) {
      this.#saidMs = nowMs;
      for (const row of rows) if (!isDone(row)) this.#teller.say(this.#describe(row));
    }
  }

  /** Prints something in between, such as what has just broken. */
  interrupt(print: () => void): void {
    this.#clear();
    print();
  }

  /** The last rows stay to be read. */
  end(): void {
    this.#clear();
    for (const row of this.#rows) this.#teller.say(this.#describe(row, false));
    this.#rows = [];
  }

  #draw(): void {
    this.#bars ??= {
      all: new MultiBar({
        stream: process.stdout,
        clearOnComplete: true,
        hideCursor: true,
        linewrap: false,
        // Ctrl-C is the demo's own business.
        gracefulExit: false,
        emptyOnZero: true,
        format: (_options, _params, payload: { readonly text: string }) => payload.text,
      }),
      byName: new Map(),
    };
    for (const row of this.#rows) {
      const text = `   ${this.#describe(row)}`.slice(0, this.#teller.columns - 1);
      const bar = this.#bars.byName.get(row.name);
      if (bar === undefined) this.#bars.byName.set(row.name, this.#bars.all.create(1, 0, { text }));
      else bar.update({ text });
    }
  }

  #clear(): void {
    this.#bars?.all.stop();
    this.#bars = undefined;
  }

  #describe(row: ProgressRow, withRate = true): string {
    const share = row.totalBytes === 0 ? 0 : Math.min(1, row.doneBytes / row.totalBytes);
    const width = this.#teller.isTerminal && this.#teller.columns >= 120 ? 30 : 16;
    const filled = Math.floor(share * width);
    const bar = this.#teller.isTerminal
      ? `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
      : `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`;
    const rate = formatRate(this.#rateOf(row.name).bytesPerSecond(performance.now()));
    const cells = [
      row.name,
      bar,
      `${String(Math.floor(share * 100)).padStart(3)}%`,
      formatBytes(row.doneBytes).padStart(9),
      ...(withRate ? [rate.padStart(11)] : []),
    ];
    return `${cells.join('  ')}  ${row.detail}`;
  }

  #rateOf(name: string): RateMeter {
    const meter = this.#rates.get(name) ?? new RateMeter();
    this.#rates.set(name, meter);
    return meter;
  }
}

const isDone = ({ doneBytes, totalBytes }: ProgressRow): boolean => totalBytes > 0 && doneBytes >= totalBytes;

/** Bytes per second over the last few seconds; segments are committed in steps, so a shorter time would jump. */
class RateMeter {
  #seen: { readonly bytes: number; readonly atMs: number }[] = [];

  see(bytes: number, atMs: number): void {
    const last = this.#seen.at(-1);
    // What is written again was done before: counting starts anew.
    if (last !== undefined && bytes < last.bytes) this.#seen = [];
    this.#seen.push({ bytes, atMs });
  }

  bytesPerSecond(nowMs: number): number {
    while ((this.#seen[1]?.atMs ?? nowMs) < nowMs - rateWindowMs) this.#seen.shift();
    const [first] = this.#seen;
    const last = this.#seen.at(-1);
    if (first === undefined || last === undefined || nowMs - first.atMs < 250) return 0;
    return ((last.bytes - first.bytes) * 1000) / (nowMs - first.atMs);
  }
}
