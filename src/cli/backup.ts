import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupJob } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { apiVersion, backupJobs, backupSchedules } from '../api/resources.ts';
import { isApiError, type Resource } from '../kube/api.ts';
import { CliError } from './cli-error.ts';
import { asTheyAre, inFormat } from './objects-as-they-are.ts';
import { readList, readOne } from './observe.ts';
import type { BackupFlags, Making, Reach } from './orders.ts';
import type { Context, Session } from './session.ts';
import { waitForEnd } from './wait-for-end.ts';

type BackupOrder = BackupFlags & Making & { readonly reach: Reach };

/** What is sent: the API fills in what is not given. */
export interface Manifest {
  readonly metadata: { readonly name?: string; readonly generateName?: string; readonly namespace?: string };
  readonly spec: object;
}

/** `NAME:FOLDER` or `NAME/FOLDER`; Pure. */
export const parseClaim = (text: string): { readonly claimName: string; readonly path?: string } => {
  const match = /^([^:/]+)(?:[:/]+(.*))?$/.exec(text);
  const [, claimName = '', path = ''] = match ?? [];
  if (claimName === '') throw new CliError('WrongArgument', `${text} names no claim: write NAME or NAME:FOLDER`);
  return { claimName, ...(path !== '' && { path }) };
};

const sourceOf = ({ path, shared, claim, include, exclude }: BackupFlags): object => ({
  ...(path !== undefined && { hostPath: { path, ...(shared && { shared }) } }),
  ...(claim !== undefined && { persistentVolumeClaim: parseClaim(claim) }),
  ...(include.length > 0 && { include }),
  ...(exclude.length > 0 && { exclude }),
});

/** Only what was said; the rest is the API's defaults. Pure. @throws CliError */
export const manifestOf = (flags: BackupFlags, namespace: string | undefined): Manifest => {
  const { name, routes, copies, segmentSize, pool, keepFor, noQueue } = flags;
  return {
    metadata: {
      ...(name === undefined ? { generateName: 'backup-' } : { name }),
      ...(namespace !== undefined && { namespace }),
    },
    spec: {
      source: sourceOf(flags),
      ...(routes !== undefined && { routes }),
      ...(copies !== undefined && { copies }),
      ...(segmentSize !== undefined && { segmentSize }),
      ...(pool !== undefined && { mediaPool: pool }),
      ...(keepFor !== undefined && { retention: { keepFor } }),
      whenUnavailable: noQueue ? 'Fail' : 'Wait',
    },
  };
};

/** For a file in Git: no API server is asked. */
export const printBackup = ({ screen }: Context, order: BackupOrder): number => {
  const manifest = manifestOf(order, order.reach.namespace);
  screen.print([inFormat(order.output ?? 'yaml', { apiVersion, kind: 'BackupJob', ...manifest })]);
  return 0;
};

/** @throws CliError, ApiError */
export const makeBackup = async (session: Session, order: BackupOrder): Promise<number> => {
  const job =
    order.fromSchedule === undefined
      ? await createJob(session, order)
      : await runSchedule(session, order.fromSchedule, order.wait);
  if (job === undefined) return 0;
  return tellMade(session, { kind: 'BackupJob', object: job }, order);
};

/** As sparse as it was said: the API completes it by the defaults of its schema, and refuses what does not fit. */
const sparseJobs: Resource = backupJobs;

/** @throws CliError where the name is taken; ApiError with what the API says is wrong with the object */
const createJob = async ({ api, namespace, signal }: Session, order: BackupOrder): Promise<BackupJob> => {
  try {
    const made = await api.create(sparseJobs, manifestOf(order, namespace), signal);
    return await api.get(backupJobs, { namespace, name: made.metadata?.name ?? '' }, signal);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    throw new CliError('Refused', 'there is a BackupJob of this name already: give another --name', { cause: error });
  }
};

/** Name or object, then the end of it if that is wanted. */
export const tellMade = async (
  session: Session,
  work: Parameters<typeof waitForEnd>[1],
  { wait, output }: Making,
): Promise<number> => {
  const { kind, object } = work;
  if (output !== undefined) session.screen.print([asTheyAre(output, [work], true)]);
  else session.screen.print([`${kind.toLowerCase()}/${object.metadata.name} created`]);
  return wait ? waitForEnd(session, work) : 0;
};

const lookMs = 500;

/** @returns the job, where it is waited for */
const runSchedule = async (session: Session, name: string, wait: boolean): Promise<BackupJob | undefined> => {
  const { api, namespace, signal, screen, nowMs } = session;
  const ref = { namespace, name };
  const before = await readOne(api, backupSchedules, ref, signal);
  if (before === undefined) {
    const others = await readList(api, backupSchedules, namespace, signal);
    const there =
      others.length === 0 ? 'there is none' : `there are ${others.map((one) => one.metadata.name).join(', ')}`;
    throw new CliError('NotFound', `namespace ${namespace} has no BackupSchedule ${name}; ${there}`);
  }
  const known = new Set((await jobsOf(session, name)).map(({ metadata }) => metadata.uid));
  const token = new Date(nowMs()).toISOString();
  const options = { type: 'merge', fieldManager: 'kubectl-twinreel' } as const;
  await api.patch(backupSchedules, ref, { spec: { runNow: token } }, options, signal);
  screen.print([`backupschedule/${name} is asked to run now (spec.runNow: ${token})`]);
  if (!wait) return undefined;
  for (;;) {
    const made = (await jobsOf(session, name)).find(({ metadata }) => !known.has(metadata.uid));
    if (made !== undefined) return made;
    await sleep(lookMs, undefined, { signal });
  }
};

const jobsOf = async ({ api, namespace, signal }: Session, schedule: string): Promise<readonly BackupJob[]> => {
  const options = { namespace, labelSelector: `${labels.schedule}=${schedule}` };
  return (await api.list(backupJobs, options, signal)).items;
};
