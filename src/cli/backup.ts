import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupJob } from '../api/generated/index.ts';
import { annotations, labels } from '../api/names.ts';
import { apiVersion, backupJobs, backupSchedules } from '../api/resources.ts';
import { isApiError, type Resource } from '../kube/api.ts';
import { CliError } from './cli-error.ts';
import { asTheyAre, inFormat } from './objects-as-they-are.ts';
import { readList, readOne, type Work } from './observe.ts';
import type { BackupFlags, Making, Reach } from './orders.ts';
import type { Context, Session } from './session.ts';
import type { Screen } from './terminal.ts';
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
      : await runSchedule(session, order.fromSchedule, order);
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

/** Name or object; where the end of it is waited for, the object as it is then. */
export const tellMade = async (session: Session, work: Work, { wait, output }: Making): Promise<number> => {
  const said = `${work.kind.toLowerCase()}/${work.object.metadata.name} created`;
  if (output === undefined) {
    session.screen.print([said]);
    return wait ? (await waitForEnd(session, work)).code : 0;
  }
  if (!wait) {
    session.screen.print([asTheyAre(output, [work], true)]);
    return 0;
  }
  session.say(said);
  const { code, ended } = await waitForEnd({ ...session, screen: besides(session) }, work);
  session.screen.print([asTheyAre(output, [ended], true)]);
  return code;
};

/** Standard output is for one object that a program reads; how far it is goes to standard error. */
const besides = ({ say }: Pick<Session, 'say'>): Screen => {
  const print = (lines: readonly string[]): void => lines.forEach((line) => say(line));
  return { isTerminal: false, print, redraw: print };
};

const lookMs = 500;

/** @returns the job, where it is waited for or to be shown */
const runSchedule = async (
  session: Session,
  name: string,
  { wait, output }: Making,
): Promise<BackupJob | undefined> => {
  const { api, namespace, signal, screen, say, nowMs } = session;
  const ref = { namespace, name };
  const before = await readOne(api, backupSchedules, ref, signal);
  if (before === undefined) {
    const others = await readList(api, backupSchedules, namespace, signal);
    const there =
      others.length === 0 ? 'there is none' : `there are ${others.map((one) => one.metadata.name).join(', ')}`;
    throw new CliError('NotFound', `namespace ${namespace} has no BackupSchedule ${name}; ${there}`);
  }
  const token = new Date(nowMs()).toISOString();
  const options = { type: 'merge', fieldManager: 'kubectl-twinreel' } as const;
  await api.patch(backupSchedules, ref, { spec: { runNow: token } }, options, signal);
  const asked = `backupschedule/${name} is asked to run now (spec.runNow: ${token})`;
  if (output === undefined) screen.print([asked]);
  else say(asked);
  if (before.spec.suspend) say(`${name} is suspended: the job is made when spec.suspend is false again`);
  if (!wait && output === undefined) return undefined;
  for (;;) {
    const made = (await jobsOf(session, name)).find((job) => job.metadata.annotations?.[annotations.runNow] === token);
    if (made !== undefined) return made;
    await sleep(lookMs, undefined, { signal });
  }
};

const jobsOf = async ({ api, namespace, signal }: Session, schedule: string): Promise<readonly BackupJob[]> => {
  const options = { namespace, labelSelector: `${labels.schedule}=${schedule}` };
  return (await api.list(backupJobs, options, signal)).items;
};
