/** When hooks run: `before` once every route is prepared, `after` as soon as nothing is read of it any more. */
import type { HookRun } from '../../api/generated/index.ts';
import type { SeenJob } from './job-view.ts';
import { nextHook, withRun } from './hooks.ts';
import type { HookWhen, NextHook } from './hooks.ts';
import type { Draft } from './job-draft.ts';

/** B2: when every route is prepared and before the source is first looked at. */
export const isQuiesced = (draft: Draft, seen: SeenJob, nowMs: number): boolean => {
  const begun = draft.status.plan?.record !== undefined || seen.plan?.pod !== undefined;
  const next = nextOf(draft, seen, 'Before', nowMs);
  // What is read after a suspension is read of an application that was woken up meanwhile.
  if (next.kind === 'done' || (begun && draft.status.interrupted !== true)) return true;
  const preparing = draft.streams.some((one) => ['Allocating', 'Reserved', 'Preparing'].includes(one.state));
  if (preparing || !draft.streams.some((one) => one.state === 'Ready')) return false;
  switch (next.kind) {
    case 'failed': {
      const message = next.run.message ?? 'a hook failed';
      draft.status = { ...draft.status, ending: { result: 'Failed', reason: 'HookFailed', message } };
      return false;
    }
    case 'going':
    case 'run':
      runHook(draft, next.run);
      return false;
  }
};

const nextOf = (draft: Draft, seen: SeenJob, when: HookWhen, nowMs: number): NextHook => {
  const { before, after } = seen.spec.hooks;
  const now = new Date(nowMs).toISOString();
  return nextHook(when === 'Before' ? before : after, draft.status.hooks ?? [], when, now, seen.hookIsGoing);
};

const runHook = (draft: Draft, run: HookRun): void => {
  draft.status = { ...draft.status, hooks: withRun(draft.status.hooks ?? [], run) };
  draft.steps.push({ kind: 'runHook', run });
};

/** The application wakes as soon as nothing is read any more, on every path on which it may have been put to sleep. */
export const wake = (draft: Draft, seen: SeenJob, nowMs: number): boolean => {
  const { hooks = [], plan, snapshot } = draft.status;
  const touched = hooks.length > 0 || plan?.record !== undefined || snapshot !== undefined;
  if (!touched) return true;
  const next = nextOf(draft, seen, 'After', nowMs);
  if (next.kind === 'done' || next.kind === 'failed') return true;
  runHook(draft, next.run);
  return false;
};
