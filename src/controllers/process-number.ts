/** The one counter of process numbers (B2): a number is given to one job or restore, and never again. */
import { ApiError, isApiError, type Api } from '../kube/api.ts';
import type { ConfigMap } from '../kube/core-types.ts';
import { configMaps } from '../kube/resources.ts';
import { createIfAbsent, getIfPresent } from '../kube/writes.ts';

export const counterName = 'twinreel-counter';

/** Name of the field that holds the number given last. */
const field = 'processNumber';

const maxAttempts = 32;

export class CounterError extends Error {
  readonly code = 'CounterDamaged';
  constructor(message: string) {
    super(message);
    this.name = 'CounterError';
  }
}

/**
 * The next number: 1 for the first. A caller that crashes before it has noted its number leaves a gap; a write whose
 * answer was lost leaves one, too.
 *
 * @throws CounterError when the counter does not hold a number: counting from 1 again would give numbers twice
 * @throws ApiError `Conflict` when others were faster each time
 */
export const nextProcessNumber = async (api: Api, namespace: string, signal: AbortSignal): Promise<number> => {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const counter = await readCounter(api, namespace, signal);
    const next = lastGiven(counter) + 1;
    try {
      await api.update(configMaps, { ...counter, data: { ...counter.data, [field]: String(next) } }, signal);
      return next;
    } catch (error) {
      if (!isApiError(error, 'Conflict')) throw error;
    }
  }
  throw new ApiError({
    code: 'Conflict',
    message: `${counterName}: ${maxAttempts} attempts, each time somebody was faster`,
    retryable: true,
    outcomeUnknown: false,
  });
};

const readCounter = async (api: Api, namespace: string, signal: AbortSignal): Promise<ConfigMap> => {
  const present = await getIfPresent(api, configMaps, { namespace, name: counterName }, signal);
  if (present !== undefined) return present;
  const fresh: ConfigMap = { metadata: { namespace, name: counterName }, data: { [field]: '0' } };
  return (await createIfAbsent(api, configMaps, fresh, signal)).object;
};

const lastGiven = (counter: ConfigMap): number => {
  const text = counter.data?.[field] ?? '';
  const last = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(last)) {
    throw new CounterError(`ConfigMap ${counterName} has "${text}" as ${field}: write the last number given there`);
  }
  return last;
};
