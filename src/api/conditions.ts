import type { Condition } from './generated/index.ts';

/** A condition without its time: what one has found. */
export type Finding = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions with one more, or with one replaced, by type. `lastTransitionTime` becomes `nowIso` only where the
 * status changes. Pure.
 */
export const setCondition = (
  conditions: readonly Condition[] | undefined,
  finding: Finding,
  nowIso: string,
): Condition[] => {
  const before = conditions?.find(({ type }) => type === finding.type);
  const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : nowIso;
  const condition: Condition = { ...finding, lastTransitionTime };
  if (before === undefined) return [...(conditions ?? []), condition];
  return (conditions ?? []).map((existing) => (existing.type === finding.type ? condition : existing));
};

export const findCondition = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);

export const isTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True';
