/** Tapes that no other stream of a job may have. Pure. */
import type { Draft } from './job-draft.ts';

/** As the schema bounds the list. */
export const maxAvoidedTapes = 1024;

/**
 * Copies are counted by stream: a tape on which one stream has begun to write is given to no other one of this job, or
 * two copies could lie on one tape. None is forgotten in favour of another: a job that needs more tapes ends.
 *
 * @returns false when nothing may be written on it
 */
export const neverAgain = (draft: Draft, tape: string | undefined): boolean => {
  const { avoid } = draft.status;
  const known = avoid?.tapes ?? [];
  if (tape === undefined || known.includes(tape)) return true;
  if (known.length >= maxAvoidedTapes) {
    const message = `the job has written on ${maxAvoidedTapes} tapes, which is more than can be told apart: split its source`;
    draft.status = { ...draft.status, ending: { result: 'Failed', reason: 'TooManyTapes', message } };
    return false;
  }
  draft.status = { ...draft.status, avoid: { ...avoid, tapes: [...known, tape] } };
  return true;
};
