/** What a failed act has to tell the owner's status: it is what the next decision is made of. */
import type { RestoreStep } from '../decide/restore/restore-view.ts';
import type { Outcome } from './outcome.ts';
import { Refusal } from './refusal.ts';
import { ZoneFailure } from './zone-failure.ts';

/** @returns undefined for what is nobody's affair but the next attempt's */
export const excuse = (step: RestoreStep, error: unknown): Outcome | undefined => {
  if (error instanceof Refusal) {
    const { pod, reason, message } = error;
    if ('grant' in step) return { kind: 'refused', epoch: step.grant.epoch, pod, reason, message };
    return step.kind === 'launchPlan' ? { kind: 'planRefused', pod, reason, message } : undefined;
  }
  return error instanceof ZoneFailure && 'grant' in step
    ? { kind: 'zoneFailed', epoch: step.grant.epoch, switchName: error.switchName, message: error.message }
    : undefined;
};
