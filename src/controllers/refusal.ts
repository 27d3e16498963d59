/** A pod is not created, and another attempt at once would not change that. */
import { podRefused } from '../decide/grant/refused.ts';
import { isApiError } from '../kube/api.ts';

export class Refusal extends Error {
  readonly code = 'Refused';
  readonly pod: string;
  /** For conditions and events. */
  readonly reason: string;

  constructor(pod: string, reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'Refusal';
    this.pod = pod;
    this.reason = reason;
  }
}

/** A quota, a policy, rights that are missing, a namespace that is going. */
export const orRefusal = async <T>(pod: string, create: () => Promise<T>): Promise<T> => {
  try {
    return await create();
  } catch (error) {
    if (!isApiError(error, 'Forbidden', 'Invalid', 'NotFound')) throw error;
    throw new Refusal(pod, podRefused, `pod ${pod} was refused: ${error.message}`, error);
  }
};
