/** What reading the source met that no commit tells, summed up for the stream's head. Pure. */
import type { SourceExample } from '../api/generated/shared.ts';
import { firstExamples, fittingExample } from '../api/source-examples.ts';

export interface SourceFindings {
  readonly skipped: number;
  readonly vanished: number;
  readonly changed: number;
  readonly padded: number;
  /** The first few of them, as `archive/segment-totals.ts` tells them. */
  readonly examples: readonly SourceExample[];
}

export const addFindings = (known: SourceFindings, more: SourceFindings): SourceFindings => ({
  skipped: known.skipped + more.skipped,
  vanished: known.vanished + more.vanished,
  changed: known.changed + more.changed,
  padded: known.padded + more.padded,
  examples: firstExamples([...known.examples, ...more.examples.map(fittingExample)]),
});
