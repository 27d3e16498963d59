/** A job's status as one pass changes it. */
import type { JobStatus } from './job-view.ts';
import type { Grant } from '../grant/grant.ts';
import type { Step } from '../step.ts';

export interface Draft {
  streams: Grant[];
  retired: Grant[];
  status: JobStatus;
  readonly steps: Step[];
  /** Libraries whose robot is at work, those that this pass puts to work included. */
  readonly busy: Set<string>;
}

/** Two pods that move one robot at once would be in each other's way. */
export const take = (draft: Draft, steps: readonly Step[]): void => {
  for (const step of steps) {
    draft.steps.push(step);
    if (step.kind === 'launchLoad' || step.kind === 'launchUnload') draft.busy.add(step.grant.library ?? '');
  }
};

export const put = (draft: Draft, grant: Grant): void => {
  draft.streams = draft.streams.map((one) => (one.number === grant.number ? grant : one));
};
