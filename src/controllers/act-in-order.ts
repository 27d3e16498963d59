/** Does the steps of one pass: what fails for one grant keeps no other one waiting. */
import { grantOfName } from '../api/names.ts';
import type { RestoreStep } from '../decide/restore/restore-view.ts';
import type { Log } from '../kube/log.ts';

export interface Acted<O> {
  readonly outcomes: readonly O[];
  readonly failures: readonly Error[];
}

/**
 * In order; after a failure the later steps of the same grant are left to the next pass, since each stands on those
 * before it, and so are steps that end the whole, unless all that failed is excused: whoever decided on the end knew.
 *
 * @param excuse what a failure achieved, if the owner's status has to know
 * @throws only what the aborted signal threw
 */
export const actInOrder = async <S extends RestoreStep, O>(
  steps: readonly S[],
  act: (step: S) => Promise<O | undefined>,
  excuse: (step: S, error: unknown) => O | undefined,
  signal: AbortSignal,
): Promise<Acted<O>> => {
  const outcomes: O[] = [];
  const failures: Error[] = [];
  const failed = new Set<number>();
  let mayEnd = true;
  for (const step of steps) {
    const epoch = epochOf(step);
    if (epoch === undefined ? step.kind === 'finishRecords' && !mayEnd : failed.has(epoch)) continue;
    try {
      const outcome = await act(step);
      if (outcome !== undefined) outcomes.push(outcome);
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(error instanceof Error ? error : new Error(String(error)));
      if (epoch !== undefined) failed.add(epoch);
      const outcome = excuse(step, error);
      if (outcome === undefined) mayEnd = false;
      else outcomes.push(outcome);
    }
  }
  return { outcomes, failures };
};

/**
 * Call it when what succeeded is noted: the queue backs off.
 *
 * @param owner whose acts they were, for the log
 * @throws the first of them, if there is one; the others are logged
 */
export const throwFirst = ([failure, ...more]: readonly Error[], log: Log, owner: object): void => {
  for (const other of more) log.error({ ...owner, err: other }, 'an act failed beside another');
  if (failure !== undefined) throw failure;
};

/** Epochs are unique within a job. */
const epochOf = (step: RestoreStep): number | undefined => {
  if ('grant' in step) return step.grant.epoch;
  return step.kind === 'deletePod' ? grantOfName(step.pod)?.epoch : undefined;
};
