/** A job's status as one pass changes it. */
import type { JobStatus } from './backup-job.ts';
import type { Grant } from './grant.ts';
import type { Step } from './step.ts';

export interface Draft {
  streams: Grant[];
  retired: Grant[];
  status: JobStatus;
  readonly steps: Step[];
}

export const put = (draft: Draft, grant: Grant): void => {
  draft.streams = draft.streams.map((one) => (one.number === grant.number ? grant : one));
};
