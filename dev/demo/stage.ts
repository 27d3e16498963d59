import type { DemoFolder } from './cleanup.ts';
import type { Cluster } from './cluster.ts';
import type { Measured } from './measure.ts';
import type { Teller } from './teller.ts';
import type { Timeline } from './timeline.ts';

/** What every part of the demo works with. */
export interface Stage {
  readonly folder: DemoFolder;
  readonly cluster: Cluster;
  /** What is backed up; never written to. */
  readonly source: string;
  readonly measured: Measured;
  readonly segmentBytes: number;
  readonly teller: Teller;
  readonly times: Timeline;
  readonly signal: AbortSignal;
}

/** Each part waits that long at most: enough for a busy machine with a slow disk, and an end if something hangs. */
export function patienceMs({ measured }: Pick<Stage, 'measured'>): number {
  const slowestBytesPerMs = 10 * 1024;
  return 240_000 + (measured.dataBytes * 2) / slowestBytesPerMs + measured.files;
}
