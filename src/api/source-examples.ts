/** The first few files that a backup lacks, or that changed while they were read: in heads, and in the job's status. */
import type { SourceExample } from './generated/shared.ts';
import { boundedPath } from './status-text.ts';

/** As the schemas bound the list and its texts. */
const maxExamples = 20;
const maxPathLength = 1024;
const maxWhyLength = 64;

/** What a backup lacks comes before what merely changed; each path stands once. */
export const firstExamples = (all: readonly SourceExample[]): SourceExample[] => {
  const byPath = [...new Map(all.toReversed().map((one) => [one.path, one])).values()].reverse();
  return [...byPath.filter(isLost), ...byPath.filter((one) => !isLost(one))].slice(0, maxExamples);
};

/** Not in the backup: the name of an error, or `reserved`. Flags such as `padded changed` tell of files that are there. */
export const isLost = ({ why }: SourceExample): boolean => why === 'reserved' || /^[A-Z]/.test(why);

export const fittingExample = ({ path, why }: SourceExample): SourceExample => ({
  path: boundedPath(path, maxPathLength),
  why: why.slice(0, maxWhyLength),
});
