/** Does the steps of one pass: what fails for one grant keeps no other one waiting. */
import { grantOfName } from '../api/names.ts';
import type { Step } from '../decide/step.ts';

export interface Acted<O> {
  readonly outcomes: readonly O[];
  readonly failures: readonly Error[];
}

/**
 * In order; after a failure the later steps of the same grant are left to the next pass, since each stands on those
 * before it, and so are steps that end the whole.
 *
 * @param excuse what a failure achieved, if the owner's status has to know
 * @throws only what the aborted signal threw
 */
export const actInOrder = async <O>(
  steps: readonly Step[],
  act: (step: Step) => Promise<O | undefined>,
  excuse: (step: Step, error: unknown) => O | undefined,
  signal: AbortSignal,
): Promise<Acted<O>> => {
  const outcomes: O[] = [];
  const failures: Error[] = [];
  const failed = new Set<number>();
  for (const step of steps) {
    const epoch = epochOf(step);
    if (epoch === undefined ? step.kind === 'finishRecords' && failures.length > 0 : failed.has(epoch)) continue;
    try {
      const outcome = await act(step);
      if (outcome !== undefined) outcomes.push(outcome);
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(error instanceof Error ? error : new Error(String(error)));
      if (epoch !== undefined) failed.add(epoch);
      const outcome = excuse(step, error);
      if (outcome !== undefined) outcomes.push(outcome);
    }
  }
  return { outcomes, failures };
};

/** Epochs are unique within a job. */
const epochOf = (step: Step): number | undefined => {
  if ('grant' in step) return step.grant.epoch;
  return step.kind === 'deletePod' ? grantOfName(step.pod)?.epoch : undefined;
};
