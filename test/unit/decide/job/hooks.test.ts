import { describe, expect, it } from 'vitest';
import type { HookRun } from '../../../../src/api/generated/index.ts';
import { nextHook, quiesced, withRun } from '../../../../src/decide/job/hooks.ts';
import type { HookSpec } from '../../../../src/decide/job/hooks.ts';

const now = '2026-01-01T00:00:00.000Z';
const hook = (onError: 'Fail' | 'Continue' = 'Fail'): HookSpec => ({
  podSelector: { matchLabels: { app: 'db' } },
  command: ['freeze'],
  timeout: '60s',
  onError,
});
const run = (index: number, state: HookRun['state'], attempts = 1, when: HookRun['when'] = 'Before'): HookRun => ({
  when,
  index,
  state,
  attempts,
});

describe('B2: the hooks of a job', () => {
  it('run in the order in which they stand', () => {
    const hooks = [hook(), hook()];
    expect(nextHook(hooks, [], 'Before', now)).toMatchObject({ kind: 'run', run: { index: 0, attempts: 1 } });
    expect(nextHook(hooks, [run(0, 'Succeeded')], 'Before', now)).toMatchObject({ kind: 'run', run: { index: 1 } });
    expect(nextHook(hooks, [run(0, 'Succeeded'), run(1, 'Succeeded')], 'Before', now)).toEqual({ kind: 'done' });
  });

  it('run again when a crash left them running', () => {
    const next = nextHook([hook()], [run(0, 'Running')], 'Before', now);
    expect(next).toEqual({
      kind: 'run',
      run: { when: 'Before', index: 0, state: 'Running', attempts: 2, startedAt: now },
    });
  });

  it('go on as long as somebody runs them', () => {
    const next = nextHook([hook()], [run(0, 'Running')], 'Before', now, ({ index }) => index === 0);
    expect(next).toEqual({ kind: 'going', run: run(0, 'Running') });
  });

  it('fail the job when one before it fails, unless it says Continue', () => {
    expect(nextHook([hook()], [run(0, 'Failed')], 'Before', now)).toMatchObject({ kind: 'failed', run: { index: 0 } });
    expect(nextHook([hook('Continue')], [run(0, 'Failed')], 'Before', now)).toEqual({ kind: 'done' });
  });

  it('are tried three times after it: an application left asleep is worse than a backup that failed', () => {
    const hooks = [hook()];
    expect(nextHook(hooks, [run(0, 'Failed', 2, 'After')], 'After', now)).toMatchObject({
      kind: 'run',
      run: { attempts: 3 },
    });
    expect(nextHook(hooks, [run(0, 'Failed', 3, 'After')], 'After', now)).toEqual({ kind: 'done' });
  });

  it('are recorded once each', () => {
    const runs = withRun(withRun([], run(0, 'Running')), run(0, 'Succeeded'));
    expect(runs).toEqual([run(0, 'Succeeded')]);
  });

  it('make a backup consistent only when every one before it succeeded', () => {
    expect(quiesced([hook(), hook()], [run(0, 'Succeeded'), run(1, 'Succeeded')])).toBe(true);
    expect(quiesced([hook(), hook()], [run(0, 'Succeeded'), run(1, 'Failed')])).toBe(false);
    expect(quiesced([], [])).toBe(false);
  });
});
