/** Follows the logs of a job's worker pods, those that come later too, until the job has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, isApiError, type Ref } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { objectPath, query } from '../kube/resource-path.ts';
import { pods } from '../kube/resources.ts';
import { type LogsOrder, podsOf, whyNot } from './logs.ts';
import { parseWorkName, readNamed, readOne, type Work } from './observe.ts';
import { backupJobs, restores } from '../api/resources.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';

/** What a pod that has ended has logged is there: it comes as fast as network and machine are. */
const lastLinesMs = 30_000;
/** Pods of a load live for seconds, and are removed soon after their end. */
const lookMs = 500;

/** @returns 1 where no log could be read. @throws CliError, ApiError */
export const followLogs = async (session: Session, order: LogsOrder): Promise<number> => {
  const done = new AbortController();
  try {
    return await follow({ ...session, signal: AbortSignal.any([session.signal, done.signal]) }, order);
  } finally {
    done.abort(new Error('the job has ended'));
  }
};

const follow = async (session: Session, { name, stream, tail }: LogsOrder): Promise<number> => {
  const { api, namespace, signal } = session;
  const work = await readNamed(api, parseWorkName(name), namespace, signal);
  const labelSelector = podsOf(work, stream);
  const operatorNamespace = await session.operatorNamespace();
  const followed = new Map<string, PodLog>();
  for (;;) {
    // The job first: its pods are there before it ends.
    const over = await haveEnded(session, work);
    const { items } = await api.list(pods, { namespace: operatorNamespace, labelSelector }, signal);
    for (const pod of items) {
      const uid = pod.metadata?.uid ?? '';
      const log = followed.get(uid) ?? new PodLog(session, { namespace: operatorNamespace, name: nameOf(pod) }, tail);
      followed.set(uid, log);
      log.look(pod);
    }
    const logs = [...followed.values()];
    if (over) {
      const running = new Set(items.filter((pod) => !isOver(pod)).map(({ metadata }) => metadata?.uid ?? ''));
      const ended = [...followed].filter(([uid]) => !running.has(uid)).map(([, log]) => log);
      await within(lastLinesMs, ended, signal);
      // Pods whose end waits for something else are not waited for.
      await within(4 * lookMs, logs, signal);
      return logs.some(({ lines }) => lines > 0) ? 0 : 1;
    }
    await sleep(lookMs, undefined, { signal });
  }
};

/** Returns when all is read, or the time is over. */
const within = async (ms: number, logs: readonly PodLog[], signal: AbortSignal): Promise<void> => {
  const whole = new AbortController();
  const late = sleep(ms, undefined, { signal: AbortSignal.any([signal, whole.signal]) });
  try {
    await Promise.race([Promise.all(logs.map(({ ended }) => ended())), late]);
  } finally {
    whole.abort();
    late.catch(() => undefined);
  }
};

const nameOf = ({ metadata }: Pod): string => metadata?.name ?? '';

/** One that was deleted has ended, too. */
const haveEnded = async ({ api, signal }: Session, work: readonly Work[]): Promise<boolean> => {
  for (const { kind, object } of work) {
    const ref = { namespace: object.metadata.namespace ?? 'default', name: object.metadata.name };
    const now =
      kind === 'BackupJob' ? await readOne(api, backupJobs, ref, signal) : await readOne(api, restores, ref, signal);
    if (now?.metadata.uid === object.metadata.uid && now?.status?.completionTime === undefined) return false;
  }
  return true;
};

/** The log of one pod, begun again where it stopped when the connection was lost. */
class PodLog {
  lines = 0;
  readonly #session: Session;
  readonly #ref: Ref;
  readonly #tail: number | undefined;
  #reading: Promise<void> | undefined;
  #whole = false;
  /** Of the last line, as the kubelet gives it: in a format that can be compared as text. */
  #last = '';
  #told = false;

  constructor(session: Session, ref: Ref, tail: number | undefined) {
    this.#session = session;
    this.#ref = ref;
    this.#tail = tail;
  }

  /** Reads on, unless it does, or the pod has ended and all was read. */
  look(pod: Pod): void {
    if (this.#reading !== undefined || this.#whole || hasNotBegun(pod)) return;
    this.#reading = this.#read(pod).finally(() => (this.#reading = undefined));
  }

  readonly ended = async (): Promise<void> => {
    await this.#reading;
  };

  async #read(pod: Pod): Promise<void> {
    const { api, signal, say } = this.#session;
    const over = isOver(pod);
    try {
      const resumedAt = this.#last;
      for await (const line of api.readLines(this.#path(), signal)) this.#print(line, resumedAt);
      // What ends while the pod runs was cut off, and is taken up again.
      this.#whole = over;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#whole = over && !error.retryable;
      if (isApiError(error, 'NotFound') || this.#told) return;
      this.#told = true;
      say(whyNot(pod, error));
    }
  }

  #path(): string {
    const since = this.#last === '' ? { tailLines: this.#tail?.toString() } : { sinceTime: this.#last };
    return `${objectPath(pods, this.#ref, 'log')}${query({ follow: 'true', timestamps: 'true', ...since })}`;
  }

  #print(line: string, resumedAt: string): void {
    const { screen, paint } = this.#session;
    const [, time = '', text = line] = /^(\d{4}-\S+Z?) (.*)$/.exec(line) ?? [];
    // `sinceTime` counts in whole seconds.
    if (time !== '' && time <= resumedAt) return;
    if (time !== '') this.#last = time;
    this.lines += 1;
    screen.print([`${paint('title', `[${this.#ref.name}]`)} ${printable(text)}`]);
  }
}

const hasNotBegun = ({ status }: Pod): boolean =>
  (status?.containerStatuses ?? []).every(
    ({ state }) => state?.running === undefined && state?.terminated === undefined,
  );

const isOver = ({ status }: Pod): boolean =>
  (status?.containerStatuses ?? []).some(({ state }) => state?.terminated !== undefined);
