/** Follows one job or restore to its end: bars on a terminal, a line for each change elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupJob, Restore } from '../api/generated/index.ts';
import { backupJobs, restores } from '../api/resources.ts';
import type { Resource } from '../kube/api.ts';
import { CliError } from './cli-error.ts';
import { readOne, type Work } from './observe.ts';
import { toneOf } from './paint.ts';
import { printable } from './printable.ts';
import { progressBar } from './progress-bar.ts';
import type { Session } from './session.ts';
import { routeOf } from './story.ts';

const lookMs = 1000;

export interface Waited {
  /** The exit code: 0 if it has succeeded. */
  readonly code: number;
  /** As it is; not yet fit for a terminal. */
  readonly ended: Work;
}

/** @throws CliError NotFound when it was deleted meanwhile; ApiError */
export const waitForEnd = async (session: Session, work: Work): Promise<Waited> => {
  const { screen, signal, say } = session;
  const { kind, object } = work;
  let said = '';
  for (;;) {
    const ended = await look(session, work);
    const seen = printable(ended);
    const line = lineOf(seen);
    if (screen.isTerminal) screen.redraw([line, ...streamBars(session, seen)]);
    else if (line !== said) screen.print([line]);
    said = line;
    const { phase, message = '', completionTime } = seen.object.status ?? {};
    if (completionTime !== undefined) {
      if (phase === 'Succeeded') return { code: 0, ended };
      say(`error: ${kind} ${object.metadata.name} is ${phase ?? '?'}: ${message}`);
      return { code: 1, ended };
    }
    await sleep(lookMs, undefined, { signal }).catch((error: unknown) => {
      say(
        `not waited for any longer; it goes on: kubectl twinreel status ${kind.toLowerCase()}/${object.metadata.name}`,
      );
      throw error;
    });
  }
};

const look = async ({ api, signal }: Session, { kind, object }: Work): Promise<Work> => {
  const { metadata } = object;
  const ref = { namespace: metadata.namespace ?? 'default', name: metadata.name };
  const seen = await read(kind, async (resource) => readOne(api, resource, ref, signal));
  if (seen === undefined || seen.object.metadata.uid !== metadata.uid)
    throw new CliError('NotFound', `${kind} ${metadata.name} was deleted`);
  return seen;
};

type Read = <T extends BackupJob | Restore>(resource: Resource<T>) => Promise<T | undefined>;

const read = async (kind: Work['kind'], get: Read): Promise<Work | undefined> => {
  if (kind === 'BackupJob') {
    const object = await get(backupJobs);
    return object && { kind, object };
  }
  const object = await get(restores);
  return object && { kind, object };
};

/** `backupjob/nightly  Running  [#####.....]  50%`, and why it waits. Pure. */
export const lineOf = ({ kind, object: { metadata, status = {} } }: Work): string => {
  const { phase = 'New', reason = '', message = '', progress, queue } = status;
  const place = queue?.position === undefined ? '' : `place ${String(queue.position)} in the queue`;
  const why = [place, reason, message].filter((text) => text !== '').join(': ');
  return [`${kind.toLowerCase()}/${metadata.name}`, phase, progressBar(progress, 20), why]
    .filter((text) => text !== '')
    .join('  ');
};

const streamBars = ({ paint }: Session, { object: { status = {} } }: Work): readonly string[] => {
  const total = status.progress?.bytesTotal ?? 0;
  const streams = status.streams ?? [];
  const each = total / Math.max(1, streams.filter(({ role }) => role === 'Active').length);
  return streams.map((stream) => {
    const { bytesDone = 0, state } = stream;
    const done = state === 'Succeeded' ? each : bytesDone;
    const percent = each > 0 ? `${String(Math.min(100, Math.floor((100 * done) / each)))}%` : '-';
    const bar = progressBar({ bytesDone: done, bytesTotal: each, percent }, 20);
    return `  stream ${String(stream.number)}  ${bar}  ${paint(toneOf(state), state)}  ${routeOf(stream)}`;
  });
};
