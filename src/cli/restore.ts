import type { BackupJob, Restore } from '../api/generated/index.ts';
import { apiVersion, backupJobs, restores } from '../api/resources.ts';
import { isApiError, type Resource } from '../kube/api.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf } from './amounts.ts';
import { parseClaim, tellMade, type Manifest } from './backup.ts';
import { CliError } from './cli-error.ts';
import { readList } from './observe.ts';
import { inFormat } from './objects-as-they-are.ts';
import type { Making, Reach, RestoreFlags } from './orders.ts';
import { printable } from './printable.ts';
import { openQuestions } from './questions.ts';
import type { Context, Session } from './session.ts';
import { formatTable } from './table.ts';

type RestoreOrder = RestoreFlags & Making & { readonly list: boolean };

/** `claim:NAME`, `claim:NAME/FOLDER`, or a folder on a server. Pure. @throws CliError */
export const parseTarget = (text: string): object => {
  if (text.startsWith('claim:')) return { persistentVolumeClaim: parseClaim(text.slice('claim:'.length)) };
  if (!text.startsWith('/'))
    throw new CliError('WrongArgument', `--to ${text}: write an absolute folder, claim:NAME or claim:NAME/FOLDER`);
  return { hostPath: { path: text } };
};

/** Only what was said; the rest is the API's defaults. Pure. @throws CliError */
export const restoreManifest = (flags: RestoreFlags, namespace: string | undefined): Manifest => {
  const { from, latest, record, paths, to, conflict, name } = flags;
  const sources = [from, latest, record].filter((source) => source !== undefined);
  if (sources.length !== 1 || to === undefined)
    throw new CliError(
      'WrongArgument',
      'say what and whereto: one of --from, --latest and --record, and --to; --list shows what can be restored. ' +
        'On a terminal it asks for what is missing; this is none',
    );
  return {
    metadata: {
      ...(name === undefined ? { generateName: 'restore-' } : { name }),
      ...(namespace !== undefined && { namespace }),
    },
    spec: {
      from: {
        ...(from !== undefined && { backupJob: from }),
        ...(latest !== undefined && { latest: { schedule: latest } }),
        ...(record !== undefined && { record }),
      },
      ...(paths.length > 0 && { paths: paths.map((path) => path.replace(/^\/+/, '')) }),
      target: parseTarget(to),
      ...(conflict !== undefined && { conflict }),
    },
  };
};

/** For a file in Git: no API server is asked, and nobody else. @throws CliError where something is left open */
export const printRestore = ({ screen }: Context, order: RestoreFlags & Making & { readonly reach: Reach }): number => {
  const manifest = restoreManifest(order, order.reach.namespace);
  screen.print([inFormat(order.output ?? 'yaml', { apiVersion, kind: 'Restore', ...manifest })]);
  return 0;
};

const sparseRestores: Resource = restores;

/** @throws CliError, ApiError */
export const makeRestore = async (session: Session, order: RestoreOrder): Promise<number> => {
  if (order.list) return listRestorable(session);
  const object = await createRestore(session, await wantedOf(session, order));
  return tellMade(session, { kind: 'Restore', object }, order);
};

/** What the command line leaves open is asked for, where somebody can answer. */
const wantedOf = async (session: Session, order: RestoreFlags): Promise<Manifest> => {
  const { from, latest, record, to } = order;
  const isWhole = to !== undefined && [from, latest, record].some((source) => source !== undefined);
  const questions = isWhole ? undefined : openQuestions(session.signal);
  if (questions === undefined) return restoreManifest(order, session.namespace);
  try {
    const { askRestore } = await import('./ask-restore.ts');
    return await askRestore(session, order, questions);
  } finally {
    questions.close();
  }
};

export const createRestore = async ({ api, namespace, signal }: Session, manifest: Manifest): Promise<Restore> => {
  try {
    const made = await api.create(sparseRestores, manifest, signal);
    return await api.get(restores, { namespace, name: made.metadata?.name ?? '' }, signal);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    throw new CliError('Refused', 'there is a Restore of this name already: give another --name', { cause: error });
  }
};

const listRestorable = async ({ api, namespace, signal, screen, nowMs }: Session): Promise<number> => {
  const jobs = restorable(await readList(api, backupJobs, namespace, signal));
  screen.print(
    jobs.length === 0 ? [`no backup job of ${namespace} has succeeded`] : restorableTable(jobs, nowMs(), false),
  );
  return 0;
};

/** @param numbered  counted from 1, and with the time at which they ended. Pure. */
export const restorableTable = (jobs: readonly BackupJob[], nowMs: number, numbered: boolean): readonly string[] => {
  const rows = jobs.map(({ metadata, spec, status = {} }, index) => [
    ...(numbered ? [String(index + 1)] : []),
    metadata.name,
    ...(numbered ? [status.completionTime ?? '?'] : []),
    `${ageOf(status.completionTime, nowMs) ?? '?'} ago`,
    status.plan?.bytes === undefined ? '-' : formatBytes(status.plan.bytes),
    spec.source.hostPath?.path ?? spec.source.persistentVolumeClaim?.claimName ?? 'a command',
    status.tapesText ?? '-',
  ]);
  const headers = numbered ? ['#', 'BACKUP', 'TIME', 'ENDED'] : ['BACKUP', 'ENDED'];
  return formatTable([...headers, 'SIZE', 'OF', 'TAPES'], rows);
};

/** Only what succeeded, the newest first. Pure. */
export const restorable = (jobs: readonly BackupJob[]): readonly BackupJob[] =>
  printable(jobs)
    .filter(({ status }) => status?.phase === 'Succeeded')
    .toSorted((a, b) => ((a.status?.completionTime ?? '') > (b.status?.completionTime ?? '') ? -1 : 1));
