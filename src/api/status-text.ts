/**
 * Text that others wrote on its way into a status. The API server refuses a whole status for one field that
 * is too long; then nothing else that it says is recorded either.
 */

/** `maxLength` of the fields as `crds/` bounds them. */
export const textLimits = {
  /** One of several things within another text. */
  example: 256,
  /** Of grants, failover histories, hooks, drives, tapes. */
  detail: 1024,
  /** `status.message` of jobs and restores. */
  summary: 2048,
  /** Of an ending and of a condition. */
  verdict: 4096,
  reason: 64,
} as const;

export type TextField = Exclude<keyof typeof textLimits, 'reason'>;

/** The text, cut where its field ends. */
export const bounded = (text: string, field: TextField): string => {
  const limit = textLimits[field];
  return (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`).toWellFormed();
};

/** The escaped path, or its beginning: no escape is cut in the middle. */
export const boundedPath = (path: string, maxLength: number): string =>
  path.length <= maxLength ? path : path.slice(0, maxLength).replace(/%.?$/, '');

const word = /^[A-Za-z][A-Za-z0-9]*$/;

/** One CamelCase word, as every reason has to be; `Unknown` where somebody wrote something else. */
export const boundedReason = (reason: string): string =>
  word.test(reason) && reason.length <= textLimits.reason ? reason : 'Unknown';
