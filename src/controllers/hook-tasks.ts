/**
 * Hooks that run beside the control loop: a command may hang for as long as its timeout allows, and nobody else's job
 * waits for it. One at a time for each job. What it came to is kept until the job's status names it, so that a conflict
 * costs another write and no second run.
 */
import type { HookRun } from '../api/generated/index.ts';
import type { HookResult } from './hook-runner.ts';

export interface HookTasks {
  /** The run was begun here, and its result is not noted yet. */
  isGoing(uid: string, run: HookRun): boolean;
  /**
   * Begins the run, unless it was begun before; another one of the job is stopped first.
   *
   * @returns its result once there is one
   * @throws what kept the command from being run
   */
  poll(uid: string, run: HookRun, begin: (signal: AbortSignal) => Promise<HookResult>): HookResult | undefined;
  /** Ends what runs for the job. */
  stop(uid: string): void;
  /** Ends a `before` that runs: the job ends, and nothing is going to be read. */
  stopBefore(uid: string): void;
}

type State =
  | { readonly kind: 'going' }
  | { readonly kind: 'done'; readonly result: HookResult }
  | { readonly kind: 'failed'; readonly error: unknown };

interface Task {
  readonly run: HookRun;
  readonly stopping: AbortController;
  state: State;
  readonly ended: Promise<void>;
}

const isSame = (a: HookRun, b: HookRun): boolean =>
  a.when === b.when && a.index === b.index && a.attempts === b.attempts && a.startedAt === b.startedAt;

export const makeHookTasks = (): HookTasks => {
  const tasks = new Map<string, Task>();

  const start = (run: HookRun, begin: (signal: AbortSignal) => Promise<HookResult>, after: Task | undefined): Task => {
    const stopping = new AbortController();
    const work = async (): Promise<void> => {
      // `after` must not overtake the `before` that it undoes.
      await after?.ended;
      try {
        task.state = { kind: 'done', result: await begin(stopping.signal) };
      } catch (error) {
        task.state = { kind: 'failed', error };
      }
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    const task: Task = { run, stopping, state: { kind: 'going' }, ended: promise };
    void work().finally(resolve);
    return task;
  };

  const stop = (uid: string): Task | undefined => {
    const task = tasks.get(uid);
    task?.stopping.abort(new Error('the hook is not wanted any more'));
    return task;
  };

  return {
    isGoing: (uid, run) => {
      const task = tasks.get(uid);
      return task !== undefined && isSame(task.run, run);
    },
    poll(uid, run, begin) {
      const task = tasks.get(uid);
      if (task === undefined || !isSame(task.run, run)) {
        tasks.set(uid, start(run, begin, stop(uid)));
        return undefined;
      }
      switch (task.state.kind) {
        case 'going':
          return undefined;
        case 'done':
          return task.state.result;
        case 'failed':
          tasks.delete(uid);
          throw task.state.error;
      }
    },
    stop(uid) {
      stop(uid);
      tasks.delete(uid);
    },
    stopBefore(uid) {
      if (tasks.get(uid)?.run.when === 'Before') stop(uid);
    },
  };
};
