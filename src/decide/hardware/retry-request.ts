/** The annotation `twinreel.io/retry`: each new value asks once to try again what is NotUsable. Pure. */
import { findCondition, setCondition } from '../../api/conditions.ts';
import type { Condition } from '../../api/generated/index.ts';
import { annotations } from '../../api/names.ts';
import type { ObjectMeta } from '../../kube/api.ts';

interface Retryable {
  readonly metadata: ObjectMeta;
  readonly status?: { readonly conditions?: Condition[] };
}

const type = 'RetryRequested';

/** The value asked with, where it has not been acted on. */
export const retryAsked = ({ metadata, status }: Retryable): string | undefined => {
  const asked = metadata.annotations?.[annotations.retry];
  return asked === undefined || findCondition(status?.conditions, type)?.message === asked ? undefined : asked;
};

/** The conditions once the request was acted on: the value is kept there, so that the same one asks no second time. */
export const noteRetry = (conditions: Condition[] | undefined, asked: string, now: string): Condition[] =>
  setCondition(conditions, { type, status: 'True', reason: 'Annotated', message: asked }, now);
