/** Read, change, write with the version read, and again when somebody came between. */
import type { Api, Ref, Resource } from '../kube/api.ts';
import { getIfPresent, updateStatusIfChanged } from '../kube/writes.ts';
import type { WithStatus } from '../kube/writes.ts';

const maxAttempts = 8;

/**
 * @param change the status to be; undefined to leave the object alone
 * @returns false when the object is gone or was left alone
 * @throws Error when others kept changing it
 */
export const changeStatus = async <S extends object, T extends WithStatus<S>>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  change: (object: T) => T['status'] | undefined,
  signal: AbortSignal,
): Promise<boolean> => {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const seen = await getIfPresent(api, resource, ref, signal);
    if (seen === undefined) return false;
    const status = change(seen);
    if (status === undefined) return false;
    const written = await updateStatusIfChanged<S, T>(api, resource, seen, status, signal);
    if (!written.conflict) return true;
  }
  throw new Error(`${resource.kind} ${ref.name} is being changed by others all the time`);
};
