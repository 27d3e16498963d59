/**
 * B2: commands in the application's pods that quiesce it before the source is read and wake it again after. A start is
 * recorded before it and its outcome after it: after a crash a hook may run twice, and `after` runs at least once on
 * every path on which the application may have been quiesced.
 */
import type { BackupJob, HookRun } from '../../api/generated/index.ts';

export type HookSpec = NonNullable<NonNullable<BackupJob['spec']['hooks']>['before']>[number];
export type HookWhen = HookRun['when'];

export type NextHook =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly run: HookRun }
  /** It was begun and goes on. */
  | { readonly kind: 'going'; readonly run: HookRun }
  | { readonly kind: 'run'; readonly run: HookRun };

/** An application left asleep is worse than a backup that failed: `after` is tried this often. */
const maxAfterAttempts = 3;

/**
 * @param now     RFC 3339
 * @param isGoing of a run that the status calls Running: somebody still runs it
 */
export const nextHook = (
  hooks: readonly HookSpec[],
  runs: readonly HookRun[],
  when: HookWhen,
  now: string,
  isGoing: (run: HookRun) => boolean = () => false,
): NextHook => {
  for (const [index, hook] of hooks.entries()) {
    const last = runs.find((run) => run.when === when && run.index === index);
    if (last?.state === 'Succeeded') continue;
    const attempts = last?.attempts ?? 0;
    if (last?.state === 'Failed') {
      if (when === 'Before' && hook.onError !== 'Continue') return { kind: 'failed', run: last };
      if (when === 'Before' || attempts >= maxAfterAttempts) continue;
    }
    if (last?.state === 'Running' && isGoing(last)) return { kind: 'going', run: last };
    // Running, and nobody runs it: whoever did is gone.
    return { kind: 'run', run: { when, index, state: 'Running', attempts: attempts + 1, startedAt: now } };
  }
  return { kind: 'done' };
};

export const withRun = (runs: readonly HookRun[], run: HookRun): HookRun[] => [
  ...runs.filter((one) => one.when !== run.when || one.index !== run.index),
  run,
];

/** Every `before` hook ran and none failed: the files were at rest together when they were read. */
export const quiesced = (hooks: readonly HookSpec[], runs: readonly HookRun[]): boolean =>
  hooks.length > 0 &&
  hooks.every((_, index) =>
    runs.some((run) => run.when === 'Before' && run.index === index && run.state === 'Succeeded'),
  );
